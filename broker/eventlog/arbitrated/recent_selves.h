// The hashes of the records of one stream that were read lately, and which of them are our own.
#pragma once

#include <cstddef>
#include <deque>

#include "absl/container/flat_hash_map.h"
#include "broker/crypto/sha256.h"

namespace purser {

// Bounded: remembers the last `capacity` of them. Not thread-safe.
class RecentSelves {
 public:
  explicit RecentSelves(size_t capacity = 1 << 16) : capacity_(capacity) {}

  // Remembers that a record of this hash was read.
  void AddRead(const Sha256Hash& self) { Add(self, /*mine=*/false, /*read=*/true); }
  // Remembers that we sent a record of this hash.
  void AddMine(const Sha256Hash& self) { Add(self, /*mine=*/true, /*read=*/false); }

  bool WasRead(const Sha256Hash& self) const;
  bool IsMine(const Sha256Hash& self) const;

 private:
  struct Known {
    bool mine = false;
    bool read = false;
  };
  void Add(const Sha256Hash& self, bool mine, bool read);

  const size_t capacity_;
  absl::flat_hash_map<Sha256Hash, Known> known_;
  std::deque<Sha256Hash> order_;
};

}  // namespace purser
