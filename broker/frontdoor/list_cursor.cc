#include "broker/frontdoor/list_cursor.h"

#include <cstring>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "broker/crypto/base64url.h"
#include "broker/crypto/secrets.h"
#include "broker/crypto/sha256.h"

namespace purser {
namespace {

constexpr size_t kSeriesBytes = 16;
constexpr size_t kPlaceBytes = sizeof(int64_t);
constexpr size_t kTagBytes = 16;

}  // namespace

CursorSeal::CursorSeal() : secret_(RandomBytes(32)) {}

// All parts but the last have a fixed size, and the outer hash hides the inner one's state.
std::string CursorSeal::Tag(absl::string_view series, absl::string_view place,
                            absl::string_view binding) const {
  const Sha256Hash inner = Sha256({secret_, "tag", series, place, binding});
  return std::string(AsBytes(Sha256({secret_, AsBytes(inner)})).substr(0, kTagBytes));
}

// Its own inverse. The tag differs from place to place, and so does the mask.
std::string CursorSeal::Masked(std::string place, absl::string_view tag) const {
  const Sha256Hash mask = Sha256({secret_, "mask", tag});
  for (size_t i = 0; i < place.size(); ++i) place[i] = static_cast<char>(place[i] ^ mask[i]);
  return place;
}

std::string CursorSeal::Seal(const ListCursor& cursor, absl::string_view binding) const {
  std::string place(kPlaceBytes, '\0');
  std::memcpy(place.data(), &cursor.place, kPlaceBytes);
  const std::string tag = Tag(cursor.series, place, binding);
  return Base64UrlEncode(absl::StrCat(cursor.series, Masked(std::move(place), tag), tag));
}

std::optional<ListCursor> CursorSeal::Open(absl::string_view text,
                                           absl::string_view binding) const {
  const absl::StatusOr<std::string> bytes = Base64UrlDecode(text);
  if (!bytes.ok() || bytes->size() != kSeriesBytes + kPlaceBytes + kTagBytes) return std::nullopt;
  const std::string tag = bytes->substr(kSeriesBytes + kPlaceBytes);
  const std::string place = Masked(bytes->substr(kSeriesBytes, kPlaceBytes), tag);
  ListCursor cursor{bytes->substr(0, kSeriesBytes)};
  if (!ConstantTimeEquals(tag, Tag(cursor.series, place, binding))) return std::nullopt;
  std::memcpy(&cursor.place, place.data(), kPlaceBytes);
  return cursor;
}

}  // namespace purser
