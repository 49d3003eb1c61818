// SCIM's errors (RFC 7644, section 3.12) as absl::Status: the one table between the two.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace purser::scim {

// RFC 7644, table 9, and RFC 9865, table 3; kNone where no scimType applies.
enum class ErrorType {
  kNone,
  kInvalidFilter,
  kTooMany,
  kUniqueness,
  kMutability,
  kInvalidSyntax,
  kInvalidPath,
  kNoTarget,
  kInvalidValue,
  kInvalidVers,
  kSensitive,
  kInvalidCursor,
  kExpiredCursor,
  kInvalidCount,
};

// The text of scimType: "invalidFilter"; empty for kNone.
absl::string_view ErrorTypeName(ErrorType type);

// A status that the front door answers with `http_status` and `type`. Its code is the one of
// docs/architecture.md for that HTTP status; `detail` names attributes and ids, never values.
absl::Status ScimError(int http_status, ErrorType type, absl::string_view detail);

// The 400s, which are most.
absl::Status BadRequest(ErrorType type, absl::string_view detail);

// What the client is told.
struct ErrorAnswer {
  int http_status = 500;
  ErrorType type = ErrorType::kNone;
  std::string detail;
};

// Of any status that is not OK. One that was not made by ScimError() goes by its code: NotFound
// 404, Unavailable 503, ..; Internal and DataLoss become a 500 that keeps its message to itself.
ErrorAnswer ToErrorAnswer(const absl::Status& status);

// The body: schemas, status as a string, scimType where one applies, detail.
std::string RenderError(const ErrorAnswer& error);

}  // namespace purser::scim
