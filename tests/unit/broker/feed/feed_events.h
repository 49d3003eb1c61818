// Records of a directory for tests of its feeds, and a source that holds some.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "broker/base/status.h"
#include "broker/eventlog/fold.h"
#include "broker/feed/feed_reader.h"
#include "purser/event/v1/directory.pb.h"

namespace purser::feed {

template <typename Payload>
event::v1::Envelope EnvelopeOf(event::v1::Kind kind, const std::string& id, const Payload& payload,
                               event::v1::ResourceType type = event::v1::USER) {
  event::v1::Envelope envelope;
  envelope.set_event_id("event-of-" + id);
  envelope.set_kind(kind);
  envelope.set_resource_type(type);
  envelope.set_resource_id(id);
  envelope.set_request_id("request-1");
  SetTime(absl::FromUnixSeconds(1'800'000'000), envelope.mutable_time());
  envelope.set_payload(payload.SerializeAsString());
  return envelope;
}

inline event::v1::Envelope Created(const std::string& id, const std::string& attributes) {
  event::v1::ResourceCreated payload;
  payload.set_attributes(attributes);
  return EnvelopeOf(event::v1::RESOURCE_CREATED, id, payload);
}

inline event::v1::Envelope Replaced(const std::string& id, const std::string& attributes) {
  event::v1::ResourceReplaced payload;
  payload.set_attributes(attributes);
  return EnvelopeOf(event::v1::RESOURCE_REPLACED, id, payload);
}

inline event::v1::Envelope Changed(const std::string& id, const std::string& attribute,
                                   const std::string& value, const std::string& schema = "") {
  event::v1::ResourceChanged payload;
  event::v1::AttributeChange* change = payload.add_changes();
  change->set_schema(schema);
  change->set_attribute(attribute);
  change->set_value(value);
  return EnvelopeOf(event::v1::RESOURCE_CHANGED, id, payload);
}

inline event::v1::Envelope Deleted(const std::string& id) {
  return EnvelopeOf(event::v1::RESOURCE_DELETED, id, event::v1::ResourceDeleted());
}

inline FeedSettings PlainFeed() {
  FeedSettings feed;
  feed.name = "warehouse";
  feed.issuer = "https://id.example.com";
  feed.audience = {"https://warehouse.example.com"};
  feed.events = {"create", "patch", "put", "delete", "activate", "deactivate"};
  return feed;
}

// Records in memory; everybody was active before.
class FakeSource : public EventSource {
 public:
  StreamPosition End() const override { return records_.size(); }
  absl::StatusOr<std::vector<PlacedEnvelope>> Read(StreamPosition after,
                                                   size_t max) const override {
    std::vector<PlacedEnvelope> found;
    for (size_t i = after; i < records_.size() && found.size() < max; ++i) {
      found.push_back({i + 1, records_[i]});
    }
    return found;
  }
  absl::StatusOr<bool> WasActive(absl::string_view, StreamPosition) const override { return true; }

  // Gives the record's jti.
  std::string Append(event::v1::Envelope envelope) {
    envelope.set_event_id("event-" + std::to_string(records_.size() + 1));
    const std::string jti = JtiOf(records_.size() + 1, envelope.event_id());
    records_.push_back(std::move(envelope));
    return jti;
  }

 private:
  std::vector<event::v1::Envelope> records_;
};

}  // namespace purser::feed
