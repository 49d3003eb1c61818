#include "broker/scim/error.h"

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "broker/scim/json_text.h"

namespace purser::scim {
namespace {

constexpr absl::string_view kPayloadUrl = "purser/scim-error";

constexpr absl::string_view kNames[] = {"",
                                        "invalidFilter",
                                        "tooMany",
                                        "uniqueness",
                                        "mutability",
                                        "invalidSyntax",
                                        "invalidPath",
                                        "noTarget",
                                        "invalidValue",
                                        "invalidVers",
                                        "sensitive",
                                        "invalidCursor",
                                        "expiredCursor",
                                        "invalidCount"};

absl::StatusCode CodeOf(int http_status) {
  switch (http_status) {
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
      return absl::StatusCode::kNotFound;
    case 409:
      return absl::StatusCode::kAlreadyExists;
    case 412:
      return absl::StatusCode::kFailedPrecondition;
    case 501:
      return absl::StatusCode::kUnimplemented;
    case 503:
      return absl::StatusCode::kUnavailable;
    default:
      return http_status >= 500 ? absl::StatusCode::kInternal : absl::StatusCode::kInvalidArgument;
  }
}

ErrorAnswer AnswerByCode(const absl::Status& status) {
  std::string detail(status.message());
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return {400, ErrorType::kInvalidValue, std::move(detail)};
    case absl::StatusCode::kUnauthenticated:
      return {401, ErrorType::kNone, std::move(detail)};
    case absl::StatusCode::kPermissionDenied:
      return {403, ErrorType::kNone, std::move(detail)};
    case absl::StatusCode::kNotFound:
      return {404, ErrorType::kNone, std::move(detail)};
    case absl::StatusCode::kAlreadyExists:
      return {409, ErrorType::kUniqueness, std::move(detail)};
    case absl::StatusCode::kFailedPrecondition:
      return {412, ErrorType::kNone, std::move(detail)};
    case absl::StatusCode::kUnimplemented:
      return {501, ErrorType::kNone, std::move(detail)};
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kAborted:
      return {503, ErrorType::kNone, "The directory cannot take this now; try again later."};
    default:
      return {500, ErrorType::kNone, "Internal error."};
  }
}

}  // namespace

absl::string_view ErrorTypeName(ErrorType type) { return kNames[static_cast<int>(type)]; }

absl::Status ScimError(int http_status, ErrorType type, absl::string_view detail) {
  absl::Status status(CodeOf(http_status), detail);
  status.SetPayload(kPayloadUrl,
                    absl::Cord(absl::StrCat(http_status * 100 + static_cast<int>(type))));
  return status;
}

absl::Status BadRequest(ErrorType type, absl::string_view detail) {
  return ScimError(400, type, detail);
}

ErrorAnswer ToErrorAnswer(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayloadUrl);
  int packed = 0;
  if (!payload.has_value() || !absl::SimpleAtoi(std::string(*payload), &packed)) {
    return AnswerByCode(status);
  }
  return {packed / 100, static_cast<ErrorType>(packed % 100), std::string(status.message())};
}

std::string RenderError(const ErrorAnswer& error) {
  std::string body = "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:Error\"],\"status\":\"";
  absl::StrAppend(&body, error.http_status, "\"");
  if (error.type != ErrorType::kNone) {
    absl::StrAppend(&body, ",\"scimType\":\"", ErrorTypeName(error.type), "\"");
  }
  body += ",\"detail\":";
  AppendJsonString(error.detail, &body);
  body += '}';
  return body;
}

}  // namespace purser::scim
