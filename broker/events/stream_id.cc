#include "broker/events/stream_id.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace purser {
namespace {

constexpr absl::string_view kControlName = "control";
constexpr absl::string_view kHeartbeatsName = "heartbeats";

// What a name of a Kafka topic may hold too, with room for a prefix (249 characters in all).
constexpr size_t kMaxIdSize = 100;

bool IsId(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxIdSize &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ||
                  c == '.';
         });
}

}  // namespace

absl::StatusOr<StreamId> StreamId::Parse(absl::string_view text) {
  if (text == kControlName) return Control();
  if (text == kHeartbeatsName) return Heartbeats();
  const size_t slash = text.find('/');
  if (slash != absl::string_view::npos && IsId(text.substr(slash + 1))) {
    const absl::string_view kind = text.substr(0, slash);
    const absl::string_view id = text.substr(slash + 1);
    if (kind == "directory") return Directory(id);
    if (kind == "app") return App(id);
    if (kind == "exchanges") return Exchanges(id);
    if (kind == "requests") return Requests(id);
    if (kind == "feeds") return Feeds(id);
  }
  return absl::InvalidArgumentError(absl::StrCat("no stream's name: \"", text, "\""));
}

std::string StreamId::ToString() const {
  switch (kind_) {
    case StreamKind::kControl:
      return std::string(kControlName);
    case StreamKind::kDirectory:
      return absl::StrCat("directory/", id_);
    case StreamKind::kApp:
      return absl::StrCat("app/", id_);
    case StreamKind::kExchanges:
      return absl::StrCat("exchanges/", id_);
    case StreamKind::kRequests:
      return absl::StrCat("requests/", id_);
    case StreamKind::kFeeds:
      return absl::StrCat("feeds/", id_);
    case StreamKind::kHeartbeats:
      return std::string(kHeartbeatsName);
  }
  return "";
}

}  // namespace purser
