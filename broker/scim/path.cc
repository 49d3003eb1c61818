#include "broker/scim/path.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/scim/error.h"

namespace purser::scim {
namespace {

absl::Status Invalid(absl::string_view why) {
  return BadRequest(ErrorType::kInvalidPath, absl::StrCat("the path is invalid: ", why));
}

// The place of the bracket that closes the one at `open`; brackets in strings do not count.
size_t ClosingBracket(absl::string_view text, size_t open) {
  bool quoted = false;
  for (size_t i = open + 1; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && text[i] == ']') {
      return i;
    }
  }
  return absl::string_view::npos;
}

absl::StatusOr<Path> ParsePlain(const ResourceSchema& schema, absl::string_view text) {
  const ResolvedName name = ResolveName(schema, text);
  switch (name.kind) {
    case ResolvedName::Kind::kUnknown:
      return Invalid("it names no attribute");
    case ResolvedName::Kind::kExtension:
      return Path{Path::Kind::kExtension, name.ref, std::nullopt};
    case ResolvedName::Kind::kCore:
      return Path{Path::Kind::kResource, {}, std::nullopt};
    case ResolvedName::Kind::kAttribute:
      break;
  }
  return Path{Path::Kind::kAttribute, name.ref, std::nullopt};
}

}  // namespace

absl::StatusOr<Path> ParsePath(const ResourceSchema& schema, absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  if (text.size() > kMaxFilterBytes) return Invalid("it is too long");
  const size_t open = text.find('[');
  if (open == absl::string_view::npos) return ParsePlain(schema, text);
  const size_t close = ClosingBracket(text, open);
  if (close == absl::string_view::npos) return Invalid("a bracket is not closed");
  ASSIGN_OR_RETURN(Path path, ParsePlain(schema, text.substr(0, open)));
  if (path.kind != Path::Kind::kAttribute || path.ref.sub != nullptr ||
      !(path.ref.attribute->is_complex() || path.ref.attribute->multi_valued)) {
    return Invalid("brackets stand after a complex or multi-valued attribute only");
  }
  ASSIGN_OR_RETURN(path.filter,
                   ParseValueFilter(path.ref, text.substr(open + 1, close - open - 1)));
  const absl::string_view rest = text.substr(close + 1);
  if (rest.empty()) return path;
  if (rest[0] != '.') return Invalid("after the brackets comes a dot or nothing");
  path.ref.sub = path.ref.attribute->Sub(rest.substr(1));
  if (path.ref.sub == nullptr) return Invalid("it names no sub-attribute");
  return path;
}

}  // namespace purser::scim
