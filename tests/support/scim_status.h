// What a test expects of a refusal: "400 invalidPath".
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "broker/scim/error.h"

namespace purser::scim {

// "400 invalidPath", "404 " or "OK": the HTTP status and scimType that the client sees.
inline std::string Refusal(const absl::Status& status) {
  if (status.ok()) return "OK";
  const ErrorAnswer answer = ToErrorAnswer(status);
  return absl::StrCat(answer.http_status, " ", ErrorTypeName(answer.type));
}

}  // namespace purser::scim
