// What the lines of an import are called in their files, and what they became here.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace purser {

// Some 50 bytes a name and 24 a line, whatever their length: names are kept as hashes (SHA-256, 16
// bytes of it), ids as the 16 bytes of their UUID. One thread.
class ImportIds {
 public:
  using Line = uint32_t;  // counted from 0, over all files

  enum class State : uint8_t {
    kUnknown,  // not put yet
    kRefused,
    kWould,  // a dry run would make it
    kCreated,
    kChanged,
    kUnchanged,
    kKept,  // it was there, and is to be left as it is
  };

  Line AddLine(uint32_t line_in_file);
  uint32_t LineInFile(Line line) const { return lines_[line].in_file; }
  size_t size() const { return lines_.size(); }

  // Takes `text` for a line: what it is ("key", "userName"). The line that has it already, if any.
  std::optional<Line> Claim(absl::string_view what, absl::string_view text, Line line);
  std::optional<Line> Find(absl::string_view what, absl::string_view text) const;

  void Set(Line line, State state, absl::string_view id = "");
  State StateOf(Line line) const { return lines_[line].state; }
  // "" where it has none.
  std::string IdOf(Line line) const;

 private:
  using Digest = std::array<unsigned char, 16>;
  struct Entry {
    Digest id = {};
    uint32_t in_file = 0;
    State state = State::kUnknown;
    bool has_id = false;
  };
  struct Hash {
    size_t operator()(const Digest& digest) const;
  };

  static Digest DigestOf(absl::string_view what, absl::string_view text);

  std::vector<Entry> lines_;
  absl::flat_hash_map<Digest, Line, Hash> names_;
};

}  // namespace purser
