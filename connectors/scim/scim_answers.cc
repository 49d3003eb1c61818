#include "connectors/scim/scim_answers.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "connectors/api/verdicts.h"
#include "connectors/scim/target_path.h"

namespace purser::connectors::scim {
namespace {

using nlohmann::json;

constexpr absl::string_view kErrorSchema = "urn:ietf:params:scim:api:messages:2.0:Error";

bool IsScimError(const json& body) {
  const json* schemas = MemberOf(body, "schemas");
  if (schemas == nullptr || !schemas->is_array()) return false;
  for (const json& schema : *schemas) {
    if (schema.is_string() &&
        absl::EqualsIgnoreCase(schema.get_ref<const std::string&>(), kErrorSchema)) {
      return true;
    }
  }
  return false;
}

bool IsList(const json& body) {
  const json* resources = MemberOf(body, "Resources");
  if (resources != nullptr) return resources->is_array();
  return MemberOf(body, "totalResults") != nullptr;  // Resources may be left out of an empty list
}

bool HasId(const json& body) {
  const json* id = MemberOf(body, "id");
  return id != nullptr && ((id->is_string() && !id->get_ref<const std::string&>().empty()) ||
                           id->is_number_integer());
}

void JudgeSuccess(Expected expected, Answer* answer) {
  Result& result = answer->result;
  const bool empty = absl::StripAsciiWhitespace(answer->http.body).empty();
  if (empty && expected == Expected::kAnything) return;
  if (empty && expected == Expected::kChanged && answer->http.status == 204) return;
  if (!answer->body.is_object() || IsHtml(answer->http)) {
    return Overrule(Verdict::kNotTheProtocol, "the body is no JSON object", &result);
  }
  if (IsScimError(answer->body)) {
    return Overrule(Verdict::kNotTheProtocol, "an error with the status of a success", &result);
  }
  if (expected == Expected::kList && !IsList(answer->body)) {
    return Overrule(Verdict::kNotTheProtocol, "the body is no SCIM list", &result);
  }
  if (expected == Expected::kCreated && !HasId(answer->body)) {
    return Overrule(Verdict::kInDoubt, "the new resource has no id", &result);
  }
  if ((expected == Expected::kResource || expected == Expected::kChanged) && !HasId(answer->body)) {
    return Overrule(Verdict::kNotTheProtocol, "the body is no SCIM resource", &result);
  }
}

bool IsOneOf(absl::string_view text, std::initializer_list<absl::string_view> known) {
  for (absl::string_view word : known) {
    if (absl::EqualsIgnoreCase(text, word)) return true;
  }
  return false;
}

// scimType where it is one of RFC 7644, table 9; anything else could be a value.
std::string ScimTypeOf(const json& body) {
  const json* type = MemberOf(body, "scimType");
  if (type == nullptr || !type->is_string()) return "";
  const std::string text = type->get<std::string>();
  const bool known =
      IsOneOf(text, {"invalidFilter", "tooMany", "uniqueness", "mutability", "invalidSyntax",
                     "invalidPath", "noTarget", "invalidValue", "invalidVers", "sensitive"});
  return known ? text : "";
}

void Explain(const std::vector<std::string>& fields, const std::string& scim_type, Answer* answer) {
  Result& result = answer->result;
  const json* detail = MemberOf(answer->body, "detail");
  const std::string words =
      detail != nullptr && detail->is_string() ? SafeWords(detail->get<std::string>(), fields) : "";
  for (const auto& [label, text] :
       {std::pair<const char*, const std::string&>{"scimType", scim_type}, {"it says", words}}) {
    if (text.empty()) continue;
    absl::StrAppend(&result.message, ", ", label, " ", text);
    absl::StrAppend(&result.exchange.summary, result.exchange.summary.empty() ? "" : "; ", label,
                    " ", text);
  }
}

}  // namespace

void JudgeAnswer(Expected expected, const std::vector<std::string>& fields, Answer* answer) {
  Result& result = answer->result;
  if (answer->http.status == 0) return;  // nothing came
  if (result.ok()) return JudgeSuccess(expected, answer);
  const std::string scim_type = ScimTypeOf(answer->body);
  Explain(fields, scim_type, answer);
  if (result.verdict == Verdict::kRefused && absl::EqualsIgnoreCase(scim_type, "uniqueness")) {
    Overrule(Verdict::kConflict, "the name is taken", &result);
  }
  const bool collection = expected == Expected::kList || expected == Expected::kCreated;
  if (result.verdict == Verdict::kNotFound && (collection || IsHtml(answer->http))) {
    Overrule(Verdict::kNotTheProtocol, "is the address right?", &result);
  }
}

ListPage ParseList(const json& body) {
  ListPage page;
  if (const json* resources = MemberOf(body, "Resources"); resources && resources->is_array()) {
    page.resources = *resources;
  }
  if (const json* total = MemberOf(body, "totalResults")) {
    int64_t number = 0;
    if (total->is_number_integer()) {
      page.total = total->get<int64_t>();
    } else if (total->is_string() &&
               absl::SimpleAtoi(total->get_ref<const std::string&>(), &number)) {
      page.total = number;
    }
  }
  return page;
}

std::string EtagOf(const Answer& answer) {
  const absl::string_view header = answer.http.Header("ETag");
  if (!header.empty()) return std::string(header);
  const json* meta = MemberOf(answer.body, "meta");
  const json* version = meta == nullptr ? nullptr : MemberOf(*meta, "version");
  return version != nullptr && version->is_string() ? version->get<std::string>() : "";
}

}  // namespace purser::connectors::scim
