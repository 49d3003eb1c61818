// What a directory's configuration says of the feeds of its events.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "broker/scim/schema.h"
#include "purser/config/v1/config.pb.h"

namespace purser::feed {

// One feed, ready to be read.
struct FeedSettings {
  std::string name;
  std::string issuer;
  std::vector<std::string> audience;
  std::vector<std::string> events;  // in the words of the configuration; never empty
  bool full = false;
  std::string from;      // "beginning", "now", or a position
  std::string push_url;  // empty: it is polled
  std::string push_token;
  scim::SchemaSetPtr schemas = scim::StandardSchemas();  // the directory's

  bool Wants(absl::string_view event) const;
};

std::vector<FeedSettings> FeedsOf(const config::v1::Directory& directory,
                                  const scim::SchemaSetPtr& schemas);

// The URIs of all events that some receiver of the directory may get, as ServiceProviderConfig
// lists them; in order, each once.
std::vector<std::string> EventUris(const config::v1::Directory& directory);

// "urn:ietf:params:scim:event:prov:create:full" of "create".
std::string EventUri(absl::string_view event, bool full);

}  // namespace purser::feed
