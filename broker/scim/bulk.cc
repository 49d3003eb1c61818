#include "broker/scim/bulk.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "broker/base/status.h"
#include "broker/scim/error.h"
#include "broker/scim/message.h"
#include "broker/scim/render.h"

namespace purser::scim {
namespace {

using nlohmann::json;

constexpr absl::string_view kRequestUrn = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
constexpr absl::string_view kResponseUrn = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
// An operation's data stands in a list in an object, and may be as deep as it is alone.
constexpr int kDepthOfData = 3;

absl::Status Syntax(absl::string_view why) { return BadRequest(ErrorType::kInvalidSyntax, why); }
absl::Status Value(absl::string_view why) { return BadRequest(ErrorType::kInvalidValue, why); }
absl::Status BadPath(absl::string_view why) { return BadRequest(ErrorType::kInvalidPath, why); }

// Empty where it is absent or null.
absl::StatusOr<std::string> TextOf(json* object, absl::string_view name) {
  json* value = FindAnyCase(object, name);
  if (value == nullptr || value->is_null()) return std::string();
  if (!value->is_string()) return Value(absl::StrCat("\"", name, "\" must be a string"));
  return std::move(*value->get_ptr<std::string*>());
}

absl::Status ReadPath(const SchemaSet& schemas, BulkOperation* operation) {
  const std::vector<absl::string_view> segments =
      absl::StrSplit(operation->path, '/', absl::SkipEmpty());
  if (segments.empty()) return BadPath("an operation has no \"path\"");
  for (const absl::string_view other : {"Bulk", "Me"}) {
    if (absl::EqualsIgnoreCase(segments[0], other)) {
      return BadPath(absl::StrCat("/", other, " cannot be the path of a bulk operation"));
    }
  }
  const ResourceSchema* schema = schemas.OfEndpoint(segments[0]);
  if (schema == nullptr) return ScimError(404, ErrorType::kNone, "no such endpoint");
  if (operation->method == "POST") {
    if (segments.size() != 1) return BadPath("the path of a POST must be /Users or /Groups");
  } else if (segments.size() != 2) {
    return BadPath("the path must be that of one resource: /Users/ID or /Groups/ID");
  } else {
    operation->id = std::string(segments[1]);
  }
  operation->schema = schema;
  return absl::OkStatus();
}

absl::Status ReadData(json data, const ClearValues& clear, BulkOperation* operation) {
  if (operation->method == "DELETE") return absl::OkStatus();
  if (!data.is_object()) return Syntax("\"data\" must be a JSON object");
  if (operation->method == "PATCH") {
    ASSIGN_OR_RETURN(operation->patch, ReadPatch(*operation->schema, std::move(data), clear));
  } else {
    ASSIGN_OR_RETURN(operation->input, ReadResource(*operation->schema, std::move(data), clear));
  }
  return absl::OkStatus();
}

absl::Status ReadOperation(const SchemaSet& schemas, json* from,
                           const std::function<std::string()>& mint, const ClearValues& clear,
                           BulkOperation* operation) {
  ASSIGN_OR_RETURN(operation->method, TextOf(from, "method"));
  absl::AsciiStrToUpper(&operation->method);
  ASSIGN_OR_RETURN(operation->bulk_id, TextOf(from, "bulkId"));
  ASSIGN_OR_RETURN(operation->path, TextOf(from, "path"));
  const bool post = operation->method == "POST";
  if (!post && operation->method != "PUT" && operation->method != "PATCH" &&
      operation->method != "DELETE") {
    return Syntax("\"method\" must be POST, PUT, PATCH or DELETE");
  }
  RETURN_IF_ERROR(ReadPath(schemas, operation));
  if (post) {
    if (operation->bulk_id.empty()) return Value("a POST needs a \"bulkId\"");
    operation->id = mint();
  } else {
    ASSIGN_OR_RETURN(const std::string version, TextOf(from, "version"));
    operation->preconditions.if_match = EntityTags::Parse(version);
  }
  json* data = FindAnyCase(from, "data");
  return ReadData(data == nullptr ? json() : std::move(*data), clear, operation);
}

absl::Status ReadFailOnErrors(const json* value, size_t* fail_on_errors) {
  if (value == nullptr || value->is_null()) return absl::OkStatus();
  if (!value->is_number_unsigned() || value->get<uint64_t>() == 0) {
    return Value("\"failOnErrors\" must be an integer of 1 or more");
  }
  *fail_on_errors = value->get<uint64_t>();
  return absl::OkStatus();
}

absl::Status CheckBulkIds(const std::vector<BulkOperation>& operations) {
  absl::flat_hash_set<absl::string_view> seen;
  for (const BulkOperation& operation : operations) {
    if (operation.method != "POST" || operation.bulk_id.empty()) continue;
    if (!seen.insert(operation.bulk_id).second) {
      return Value("two POST operations have the same \"bulkId\"");
    }
  }
  return absl::OkStatus();
}

absl::Status TooLarge(absl::string_view what, absl::string_view limit, size_t value) {
  return ScimError(413, ErrorType::kNone, absl::StrCat(what, " ", limit, " (", value, ")"));
}

int StatusOf(const BulkOperation& operation) {
  if (operation.method == "POST") return 201;
  return operation.method == "DELETE" ? 204 : 200;
}

// Empty for a POST that failed: it has none.
std::string LocationIn(const BulkResult& result) {
  const BulkOperation& operation = *result.operation;
  if (operation.method == "POST" && !result.error.ok()) return "";
  if (operation.schema != nullptr) {
    return LocationOf("", operation.schema->type, operation.id);
  }
  return absl::StrCat("/", absl::StripPrefix(operation.path, "/"));
}

void AppendField(absl::string_view name, absl::string_view value, std::string* out) {
  if (value.empty()) return;
  if (out->back() != '{') out->push_back(',');
  absl::StrAppend(out, "\"", name, "\":");
  AppendJsonString(value, out);
}

void AppendAnswer(const BulkAnswer& answer, absl::string_view base_url, std::string* out) {
  *out += '{';
  if (!answer.location.empty()) {
    AppendField("location", absl::StrCat(base_url, answer.location), out);
  }
  AppendField("method", answer.method, out);
  AppendField("bulkId", answer.bulk_id, out);
  if (answer.version != 0) AppendField("version", EntityTag(answer.version), out);
  AppendField("status", absl::StrCat(answer.status), out);
  if (!answer.response.empty()) absl::StrAppend(out, ",\"response\":", answer.response);
  *out += '}';
}

}  // namespace

absl::StatusOr<BulkRequest> ParseBulk(const SchemaSet& schemas, absl::string_view body,
                                      const std::function<std::string()>& mint,
                                      const ClearValues& clear, const RequestLimits& limits) {
  if (body.size() > limits.body_bytes) {
    return TooLarge("the request is larger than", "maxPayloadSize", limits.body_bytes);
  }
  ASSIGN_OR_RETURN(json parsed,
                   ParseJson(body, {limits.body_bytes, JsonLimits().max_depth + kDepthOfData}));
  if (!parsed.is_object()) return Syntax("the body must be a JSON object");
  RETURN_IF_ERROR(CheckMessageSchema(&parsed, kRequestUrn));
  BulkRequest request;
  RETURN_IF_ERROR(ReadFailOnErrors(FindAnyCase(&parsed, "failOnErrors"), &request.fail_on_errors));
  json* operations = FindAnyCase(&parsed, "Operations");
  if (operations == nullptr || !operations->is_array()) {
    return Syntax("\"Operations\" must be a list");
  }
  if (operations->size() > limits.bulk_operations) {
    return TooLarge("the request holds more operations than", "maxOperations",
                    limits.bulk_operations);
  }
  request.operations.resize(operations->size());
  for (size_t i = 0; i < operations->size(); ++i) {
    if (!(*operations)[i].is_object()) return Syntax("an operation must be an object");
    BulkOperation& operation = request.operations[i];
    operation.refusal = ReadOperation(schemas, &(*operations)[i], mint, clear, &operation);
  }
  RETURN_IF_ERROR(CheckBulkIds(request.operations));
  ResolveBulkReferences(&request);
  return request;
}

BulkAnswer AnswerOf(const BulkResult& result) {
  const BulkOperation& operation = *result.operation;
  BulkAnswer answer{.location = LocationIn(result),
                    .method = operation.method,
                    .bulk_id = operation.bulk_id,
                    .version = result.version,
                    .status = StatusOf(operation)};
  if (!result.error.ok()) {
    const ErrorAnswer error = ToErrorAnswer(result.error);
    answer.status = error.http_status;
    answer.response = RenderError(error);
  }
  return answer;
}

std::string RenderBulkResponse(const std::vector<BulkAnswer>& answers, absl::string_view base_url) {
  std::string body = absl::StrCat("{\"schemas\":[\"", kResponseUrn, "\"],\"Operations\":[");
  for (const BulkAnswer& answer : answers) {
    if (&answer != &answers.front()) body += ',';
    AppendAnswer(answer, base_url, &body);
  }
  body += "]}";
  return body;
}

}  // namespace purser::scim
