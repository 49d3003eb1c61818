#include "broker/mapping/pattern.h"

#include <re2/re2.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status.h"

namespace purser::mapping {
namespace {

constexpr size_t kLongestPattern = 4096;
constexpr int64_t kPatternMemory = 1 << 20;

absl::Status Refused(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("regular expression: ", why));
}

// At "(?": copies the group's opening in RE2's spelling; `rest` starts after it.
absl::Status TranslateGroup(absl::string_view* rest, std::string* out) {
  if (absl::StartsWith(*rest, "(?=") || absl::StartsWith(*rest, "(?!") ||
      absl::StartsWith(*rest, "(?<=") || absl::StartsWith(*rest, "(?<!")) {
    return Refused("look-around is not supported, because it cannot run in bounded time");
  }
  if (absl::StartsWith(*rest, "(?>") || absl::StartsWith(*rest, "(?(")) {
    return Refused("atomic and conditional groups are not supported");
  }
  const bool named = absl::StartsWith(*rest, "(?<") || absl::StartsWith(*rest, "(?'");
  if (!named) {
    out->append("(?");
    rest->remove_prefix(2);
    return absl::OkStatus();
  }
  const char closing = (*rest)[2] == '<' ? '>' : '\'';
  const size_t end = rest->find(closing, 3);
  if (end == absl::string_view::npos) return Refused("a group's name is not closed");
  absl::StrAppend(out, "(?P<", rest->substr(3, end - 3), ">");
  rest->remove_prefix(end + 1);
  return absl::OkStatus();
}

// At a backslash: copies the escape.
absl::Status TranslateEscape(bool in_class, absl::string_view* rest, std::string* out) {
  if (rest->size() < 2) return Refused("it ends in a backslash");
  const char next = (*rest)[1];
  if (!in_class && ((next >= '1' && next <= '9') || next == 'k')) {
    return Refused("back-references are not supported, because they cannot run in bounded time");
  }
  absl::StrAppend(out, next == 'Z' ? "\\z" : rest->substr(0, 2));
  rest->remove_prefix(2);
  return absl::OkStatus();
}

absl::StatusOr<std::string> Translate(absl::string_view rest) {
  std::string out;
  bool in_class = false;
  while (!rest.empty()) {
    if (rest[0] == '\\') {
      RETURN_IF_ERROR(TranslateEscape(in_class, &rest, &out));
    } else if (!in_class && absl::StartsWith(rest, "(?")) {
      RETURN_IF_ERROR(TranslateGroup(&rest, &out));
    } else {
      if (rest[0] == '[') in_class = true;
      if (rest[0] == ']') in_class = false;
      out.push_back(rest[0]);
      rest.remove_prefix(1);
    }
  }
  return out;
}

// The reference at the start of `rest`, which begins with $: its length and the group's name.
size_t TakeReference(absl::string_view rest, absl::string_view* name) {
  if (absl::StartsWith(rest, "${")) {
    const size_t end = rest.find('}');
    if (end == absl::string_view::npos) return 0;
    *name = rest.substr(2, end - 2);
    return end + 1;
  }
  size_t end = 1;
  while (end < rest.size() && absl::ascii_isdigit(rest[end])) ++end;
  *name = rest.substr(1, end - 1);
  return end == 1 ? 0 : end;
}

}  // namespace

struct Pattern::Group {
  bool matched = false;
  size_t begin = 0;
  size_t end = 0;
};

Pattern::Pattern(std::unique_ptr<re2::RE2> pattern) : pattern_(std::move(pattern)) {}
Pattern::~Pattern() = default;

absl::StatusOr<std::shared_ptr<const Pattern>> Pattern::Compile(absl::string_view text) {
  if (text.size() > kLongestPattern) {
    return Refused(absl::StrCat("longer than ", kLongestPattern, " bytes"));
  }
  ASSIGN_OR_RETURN(const std::string translated, Translate(text));
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kPatternMemory);
  auto pattern = std::make_unique<RE2>(translated, options);
  if (!pattern->ok()) return Refused(pattern->error());
  return std::shared_ptr<const Pattern>(new Pattern(std::move(pattern)));
}

bool Pattern::MatchesWhole(absl::string_view text) const {
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *pattern_);
}

int Pattern::GroupNumber(absl::string_view group) const {
  int number = 0;
  if (absl::SimpleAtoi(group, &number)) {
    return number >= 0 && number <= pattern_->NumberOfCapturingGroups() ? number : -1;
  }
  const auto& names = pattern_->NamedCapturingGroups();
  const auto found = names.find(std::string(group));
  return found == names.end() ? -1 : found->second;
}

bool Pattern::HasGroup(absl::string_view group) const { return GroupNumber(group) >= 0; }

void Pattern::ForEachMatch(absl::string_view text,
                           const std::function<void(const std::vector<Group>&)>& visit) const {
  const re2::StringPiece input(text.data(), text.size());
  std::vector<re2::StringPiece> pieces(pattern_->NumberOfCapturingGroups() + 1);
  for (size_t from = 0; from <= text.size();) {
    if (!pattern_->Match(input, from, text.size(), RE2::UNANCHORED, pieces.data(),
                         static_cast<int>(pieces.size()))) {
      return;
    }
    std::vector<Group> groups;
    for (const re2::StringPiece& piece : pieces) {
      const bool matched = piece.data() != nullptr;
      const size_t begin = matched ? piece.data() - text.data() : 0;
      groups.push_back({matched, begin, begin + piece.size()});
    }
    visit(groups);
    from = groups[0].end > groups[0].begin ? groups[0].end : groups[0].end + 1;
  }
}

bool Pattern::Extract(absl::string_view text, absl::string_view group, std::string* found) const {
  const int number = GroupNumber(group);
  bool any = false;
  ForEachMatch(text, [&](const std::vector<Group>& groups) {
    if (any || number < 0 || !groups[number].matched) return;
    const Group& place = groups[number];
    *found = std::string(text.substr(place.begin, place.end - place.begin));
    any = true;
  });
  return any;
}

std::string Pattern::Expand(absl::string_view text, const std::vector<Group>& groups,
                            absl::string_view replacement) const {
  std::string out;
  while (!replacement.empty()) {
    if (absl::StartsWith(replacement, "$$")) {
      out.push_back('$');
      replacement.remove_prefix(2);
      continue;
    }
    absl::string_view name;
    const size_t length = replacement[0] == '$' ? TakeReference(replacement, &name) : 0;
    const int number = length == 0 ? -1 : GroupNumber(name);
    if (number < 0) {
      out.push_back(replacement[0]);
      replacement.remove_prefix(1);
      continue;
    }
    const Group& group = groups[number];
    absl::StrAppend(&out, text.substr(group.begin, group.end - group.begin));
    replacement.remove_prefix(length);
  }
  return out;
}

std::string Pattern::ReplaceMatches(absl::string_view text, absl::string_view replacement) const {
  std::string out;
  size_t copied = 0;
  ForEachMatch(text, [&](const std::vector<Group>& groups) {
    absl::StrAppend(&out, text.substr(copied, groups[0].begin - copied),
                    Expand(text, groups, replacement));
    copied = groups[0].end;
  });
  absl::StrAppend(&out, text.substr(copied));
  return out;
}

std::string Pattern::ReplaceGroup(absl::string_view text, absl::string_view group,
                                  absl::string_view replacement) const {
  const int number = GroupNumber(group);
  std::string out;
  size_t copied = 0;
  ForEachMatch(text, [&](const std::vector<Group>& groups) {
    if (number < 0 || !groups[number].matched) return;
    const Group& place = groups[number];
    absl::StrAppend(&out, text.substr(copied, place.begin - copied),
                    Expand(text, groups, replacement));
    copied = place.end;
  });
  absl::StrAppend(&out, text.substr(copied));
  return out;
}

}  // namespace purser::mapping
