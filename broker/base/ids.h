// Minted identifiers: UUIDv7 (RFC 9562, section 5.7), so that they sort by the time of minting.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace purser {

// Where new ids come from; a seam, so that a simulation repeats from its seed.
// Thread-safe. Implementations: RandomIdSource(), SequentialIdSource.
class IdSource {
 public:
  virtual ~IdSource() = default;

  // A new UUIDv7 in its text form: "0192f0c1-7d4a-7b3e-8f00-5a6b7c8d9e0f".
  virtual std::string NewId(absl::Time now) = 0;
};

// Ids from the operating system's randomness. Lives as long as the process.
IdSource& RandomIdSource();

// Ids that count up: for tests. Not thread-safe.
class SequentialIdSource : public IdSource {
 public:
  std::string NewId(absl::Time now) override;

 private:
  uint64_t next_ = 1;
};

// The text form of a UUIDv7 with this time and these 74 random bits (the low ones of the two).
std::string FormatUuidV7(absl::Time now, uint64_t random_high, uint64_t random_low);

// True for 36 characters in the form 8-4-4-4-12 of hexadecimal digits.
bool IsUuid(absl::string_view text);

}  // namespace purser
