// What a client is given to ask for the next page of a list (RFC 9865, section 2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace purser {

struct ListCursor {
  std::string series;  // 16 bytes, random
  int64_t place = 0;   // behind which resource the page begins
};

// Makes cursors that tell nothing and that nobody else can make. Thread-safe.
class CursorSeal {
 public:
  // With a secret of its own: no other seal's cursors are valid here.
  CursorSeal();

  // 54 characters of [A-Za-z0-9_-]. It opens with the same `binding` alone: whose it is, and of
  // which query.
  std::string Seal(const ListCursor& cursor, absl::string_view binding) const;
  // Nothing for what this seal has not made with that binding.
  std::optional<ListCursor> Open(absl::string_view text, absl::string_view binding) const;

 private:
  std::string Tag(absl::string_view series, absl::string_view place,
                  absl::string_view binding) const;
  std::string Masked(std::string place, absl::string_view tag) const;

  const std::string secret_;
};

}  // namespace purser
