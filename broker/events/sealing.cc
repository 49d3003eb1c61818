#include "broker/events/sealing.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace purser {

SealedPayload Seal(absl::string_view /*subject*/, std::string bytes) {
  return {.key_id = "", .bytes = std::move(bytes)};
}

absl::StatusOr<std::string> Open(absl::string_view key_id, absl::string_view bytes) {
  if (key_id.empty()) return std::string(bytes);
  return absl::NotFoundError(absl::StrCat("open a payload: no key ", key_id));
}

}  // namespace purser
