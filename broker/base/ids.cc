#include "broker/base/ids.h"

#include <cstdio>

#include "absl/random/random.h"
#include "absl/strings/ascii.h"

namespace purser {
namespace {

class SystemIdSource : public IdSource {
 public:
  std::string NewId(absl::Time now) override {
    // One generator a thread, seeded from the operating system: no lock on the write path.
    thread_local absl::BitGen bits;
    return FormatUuidV7(now, absl::Uniform<uint64_t>(bits), absl::Uniform<uint64_t>(bits));
  }
};

}  // namespace

IdSource& RandomIdSource() {
  static SystemIdSource source;
  return source;
}

std::string SequentialIdSource::NewId(absl::Time now) { return FormatUuidV7(now, 0, next_++); }

std::string FormatUuidV7(absl::Time now, uint64_t random_high, uint64_t random_low) {
  const uint64_t millis = static_cast<uint64_t>(absl::ToUnixMillis(now)) & 0xffff'ffff'ffff;
  const uint64_t variant = (random_low & 0x3fff'ffff'ffff'ffff) | 0x8000'0000'0000'0000;
  char text[37];
  std::snprintf(text, sizeof text, "%08x-%04x-7%03x-%04x-%012llx",
                static_cast<unsigned>(millis >> 16), static_cast<unsigned>(millis & 0xffff),
                static_cast<unsigned>(random_high & 0xfff), static_cast<unsigned>(variant >> 48),
                static_cast<unsigned long long>(variant & 0xffff'ffff'ffff));
  return std::string(text, 36);
}

bool IsUuid(absl::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !absl::ascii_isxdigit(text[i])) return false;
  }
  return true;
}

}  // namespace purser
