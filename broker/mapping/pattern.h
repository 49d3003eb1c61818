// A regular expression that people wrote for .NET, run by RE2 in time linear in its input.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace re2 {
class RE2;
}

namespace purser::mapping {

// Immutable; may be shared by threads. This folder alone includes RE2.
class Pattern {
 public:
  // Named groups may be written (?<name>..). InvalidArgument where the pattern is malformed, too
  // large, or uses look-around or back-references.
  static absl::StatusOr<std::shared_ptr<const Pattern>> Compile(absl::string_view text);
  ~Pattern();

  // True where the whole of `text` matches.
  bool MatchesWhole(absl::string_view text) const;

  bool HasGroup(absl::string_view group) const;

  // What `group` holds in the first match; false where there is no match.
  bool Extract(absl::string_view text, absl::string_view group, std::string* found) const;

  // `text` with every match replaced; ${name}, $1 and $0 stand for groups, $$ for a dollar.
  std::string ReplaceMatches(absl::string_view text, absl::string_view replacement) const;

  // `text` with what `group` holds replaced in every match.
  std::string ReplaceGroup(absl::string_view text, absl::string_view group,
                           absl::string_view replacement) const;

 private:
  explicit Pattern(std::unique_ptr<re2::RE2> pattern);
  int GroupNumber(absl::string_view group) const;
  // Calls `visit` for each match from left to right, with where its groups lie.
  struct Group;
  void ForEachMatch(absl::string_view text,
                    const std::function<void(const std::vector<Group>&)>& visit) const;
  std::string Expand(absl::string_view text, const std::vector<Group>& groups,
                     absl::string_view replacement) const;

  std::unique_ptr<re2::RE2> pattern_;
};

}  // namespace purser::mapping
