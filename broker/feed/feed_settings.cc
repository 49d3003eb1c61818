#include "broker/feed/feed_settings.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "broker/config/configuration.h"

namespace purser::feed {

bool FeedSettings::Wants(absl::string_view event) const {
  return std::find(events.begin(), events.end(), event) != events.end();
}

std::vector<FeedSettings> FeedsOf(const config::v1::Directory& directory,
                                  const scim::SchemaSetPtr& schemas) {
  const config::v1::SecurityEvents& configured = directory.security_events();
  std::vector<FeedSettings> feeds;
  for (const config::v1::Feed& feed : configured.feeds()) {
    FeedSettings& settings = feeds.emplace_back();
    settings.name = feed.name();
    settings.issuer = configured.issuer().empty() ? directory.public_url() : configured.issuer();
    settings.audience.assign(feed.audience().begin(), feed.audience().end());
    settings.events.assign(feed.events().begin(), feed.events().end());
    if (settings.events.empty()) {
      for (absl::string_view event : config::kFeedEvents) settings.events.emplace_back(event);
    }
    settings.full = feed.detail() == config::v1::FULL;
    settings.from = feed.from().empty() ? "beginning" : feed.from();
    settings.push_url = feed.push().url();
    settings.push_token = feed.push().token();
    settings.schemas = schemas;
  }
  return feeds;
}

std::vector<std::string> EventUris(const config::v1::Directory& directory) {
  std::set<std::string> uris;
  for (const FeedSettings& feed : FeedsOf(directory, nullptr)) {
    for (const std::string& event : feed.events) uris.insert(EventUri(event, feed.full));
    // What a PUT made of a group's members.
    if (feed.full && feed.Wants("put")) uris.insert(EventUri("patch", true));
  }
  return {uris.begin(), uris.end()};
}

std::string EventUri(absl::string_view event, bool full) {
  constexpr absl::string_view kScimEvent = "urn:ietf:params:scim:event:";
  if (event == "asyncresp") return absl::StrCat(kScimEvent, "misc:", event);
  const bool plain = event == "delete" || event == "activate" || event == "deactivate";
  return absl::StrCat(kScimEvent, "prov:", event, plain ? "" : full ? ":full" : ":notice");
}

}  // namespace purser::feed
