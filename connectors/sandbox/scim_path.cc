#include "connectors/sandbox/scim_path.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "connectors/sandbox/json_access.h"

namespace purser::sandbox {
namespace {

using nlohmann::json;

// Takes one token: a quoted string with its quotes, or all up to the next blank.
absl::string_view TakeToken(absl::string_view* text) {
  *text = absl::StripLeadingAsciiWhitespace(*text);
  size_t end = 0;
  if (absl::StartsWith(*text, "\"")) {
    for (end = 1; end < text->size() && (*text)[end] != '"'; ++end) {
      if ((*text)[end] == '\\') ++end;
    }
    end = std::min(end + 1, text->size());
  } else {
    end = std::min(text->find_first_of(" \t"), text->size());
  }
  const absl::string_view token = text->substr(0, end);
  text->remove_prefix(end);
  return token;
}

// The place of the bracket that closes a value path; npos where it stands open.
size_t ClosingBracket(absl::string_view text) {
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == ']' && !quoted) {
      return i;
    }
  }
  return absl::string_view::npos;
}

bool ConsumeUrn(absl::string_view* text, absl::string_view urn) {
  if (!absl::StartsWithIgnoreCase(*text, urn)) return false;
  const absl::string_view rest = text->substr(urn.size());
  if (!rest.empty() && rest[0] != ':') return false;
  *text = absl::StripPrefix(rest, ":");
  return true;
}

Refusal InvalidPath(absl::string_view text) {
  return BadRequest("invalidPath", absl::StrCat("the path is not one of this resource: ", text));
}

// What follows the attribute's name: "[filter]", ".sub", both or nothing.
bool ParseTail(absl::string_view rest, ScimPath* path) {
  if (absl::ConsumePrefix(&rest, "[")) {
    const size_t end = ClosingBracket(rest);
    if (end == absl::string_view::npos || !path->attribute->multi) return false;
    if (ParseFilter(rest.substr(0, end), &path->terms)) return false;
    path->has_filter = true;
    rest.remove_prefix(end + 1);
  }
  if (rest.empty()) return true;
  if (!absl::ConsumePrefix(&rest, ".")) return false;
  path->sub = path->attribute->Sub(rest);
  return !path->sub.empty();
}

}  // namespace

Refusal ParsePath(const ScimSchema& schema, absl::string_view text, ScimPath* path) {
  *path = {};
  absl::string_view rest = absl::StripAsciiWhitespace(text);
  const bool extension = ConsumeUrn(&rest, kEnterpriseUrn);
  if (extension && rest.empty()) {
    path->whole_extension = true;
    return {};
  }
  if (!extension) ConsumeUrn(&rest, schema.urn());
  const size_t end = std::min(rest.find_first_of("[."), rest.size());
  path->attribute = schema.Find(rest.substr(0, end), extension);
  if (path->attribute == nullptr) return InvalidPath(text);
  if (!ParseTail(rest.substr(end), path)) return InvalidPath(text);
  return {};
}

Refusal ParseFilter(absl::string_view text, std::vector<EqualTerm>* terms) {
  terms->clear();
  while (true) {
    const absl::string_view attribute = TakeToken(&text);
    const absl::string_view op = TakeToken(&text);
    const absl::string_view literal = TakeToken(&text);
    if (attribute.empty() || !absl::EqualsIgnoreCase(op, "eq") || literal.empty()) {
      return BadRequest("invalidFilter", "only comparisons with eq are supported");
    }
    const json value =
        json::parse(literal.begin(), literal.end(), nullptr, /*allow_exceptions=*/false);
    if (value.is_discarded()) {
      return BadRequest("invalidFilter", "the value compared with is no JSON literal");
    }
    terms->push_back({std::string(attribute), value});
    const absl::string_view joint = TakeToken(&text);
    if (joint.empty()) return {};
    if (!absl::EqualsIgnoreCase(joint, "and")) {
      return BadRequest("invalidFilter", "only comparisons joined by and are supported");
    }
  }
}

bool Matches(const json& element, const std::vector<EqualTerm>& terms) {
  for (const EqualTerm& term : terms) {
    const json* value = nullptr;
    for (const auto& [key, member] : element.items()) {
      if (absl::EqualsIgnoreCase(key, term.attribute)) value = &member;
    }
    if (value == nullptr) return false;
    if (value->is_boolean() && AsBoolean(term.value) == value->get<bool>()) continue;
    if (*value == term.value) continue;
    const bool text = value->is_string() && term.value.is_string();
    if (!text || absl::EqualsIgnoreCase(term.attribute, "value")) return false;
    if (!absl::EqualsIgnoreCase(value->get_ref<const std::string&>(),
                                term.value.get_ref<const std::string&>())) {
      return false;
    }
  }
  return true;
}

}  // namespace purser::sandbox
