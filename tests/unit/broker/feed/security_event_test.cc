#include "broker/feed/security_event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "feed_events.h"
#include "nlohmann/json.hpp"

namespace purser::feed {
namespace {

using nlohmann::json;

const std::string kProv = "urn:ietf:params:scim:event:prov:";
const std::string kEnterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

json ClaimsOf(const event::v1::Envelope& envelope, const FeedSettings& feed,
              bool was_active = true) {
  const auto event = SecurityEventOf(
      envelope, 42, feed, [was_active](absl::string_view, StreamPosition) { return was_active; });
  EXPECT_TRUE(event.ok()) << event.status();
  if (!event.ok() || !event->has_value()) return json();
  EXPECT_EQ((*event)->position, 42u);
  return json::parse((*event)->claims);
}

json EventsOf(const event::v1::Envelope& envelope, const FeedSettings& feed,
              bool was_active = true) {
  return ClaimsOf(envelope, feed, was_active).value("events", json());
}

FeedSettings FullFeed() {
  FeedSettings feed = PlainFeed();
  feed.full = true;
  return feed;
}

TEST(SecurityEvent, SaysWhoseItIsWhomItIsAboutAndWhichRequestMadeIt) {
  const json claims =
      ClaimsOf(Created("u1", R"({"userName":"ada@example.com","externalId":"e1"})"), PlainFeed());
  EXPECT_EQ(claims["iss"], "https://id.example.com");
  EXPECT_EQ(claims["aud"], json({"https://warehouse.example.com"}));
  EXPECT_EQ(claims["jti"], "42.event-of-u1");
  EXPECT_EQ(claims["iat"], 1'800'000'000);
  EXPECT_EQ(claims["txn"], "request-1");
  EXPECT_EQ(claims["sub_id"],
            json({{"format", "scim"}, {"uri", "/Users/u1"}, {"externalId", "e1"}}));
}

TEST(SecurityEvent, ANoticeNamesWhatWasSetAndHoldsNoValue) {
  const auto created =
      Created("u1", R"({"userName":"ada@example.com",")" + kEnterprise + R"(":{"division":"N"}})");
  const json body = EventsOf(created, PlainFeed())[kProv + "create:notice"];
  EXPECT_THAT(body["attributes"].get<std::vector<std::string>>(),
              testing::UnorderedElementsAre("userName", kEnterprise + ":division"));
  EXPECT_EQ(body["version"], "W/\"42\"");
  EXPECT_FALSE(body.contains("data"));
  EXPECT_EQ(ClaimsOf(created, PlainFeed()).dump().find("ada@"), std::string::npos);
}

TEST(SecurityEvent, AFullCreateHoldsTheResource) {
  const auto created = Created("u1", R"({"userName":"ada","title":"Countess"})");
  const json data = EventsOf(created, FullFeed())[kProv + "create:full"]["data"];
  EXPECT_EQ(data["id"], "u1");
  EXPECT_EQ(data["title"], "Countess");
  EXPECT_EQ(data["schemas"], json({"urn:ietf:params:scim:schemas:core:2.0:User"}));
}

TEST(SecurityEvent, WhatIsNeverReturnedIsNamedAndNotTold) {
  const std::string urn = "urn:example:acme:2.0:User";
  scim::SchemaSet schemas = *scim::StandardSchemas();
  scim::Schema& acme = schemas.user.extensions.emplace_back();
  acme.urn = urn;
  acme.attributes.resize(2);
  acme.attributes[0].name = "pin";
  acme.attributes[0].returned = scim::Returned::kNever;
  acme.attributes[1].name = "site";
  FeedSettings feed = FullFeed();
  feed.schemas = std::make_shared<const scim::SchemaSet>(schemas);
  const auto created = Created("u1", R"({"userName":"ada",")" + urn +
                                         R"(":{"pin":"4711","site":"N"},"urn:gone":{"a":"b"}})");
  const json data = EventsOf(created, feed)[kProv + "create:full"]["data"];
  EXPECT_EQ(data[urn], json({{"site", "N"}}));
  EXPECT_EQ(data["schemas"].size(), 2u);
  const auto changed = Changed("u1", "pin", "\"4711\"", urn);
  EXPECT_EQ(EventsOf(changed, feed)[kProv + "patch:full"]["data"]["Operations"], json::array());
  feed.full = false;
  EXPECT_EQ(EventsOf(changed, feed)[kProv + "patch:notice"]["attributes"], json({urn + ":pin"}));
}

TEST(SecurityEvent, AFullPatchHoldsThePatch) {
  const json set = EventsOf(Changed("u1", "division", "\"North\"", kEnterprise),
                            FullFeed())[kProv + "patch:full"];
  EXPECT_EQ(
      set["data"]["Operations"],
      json::array({{{"op", "replace"}, {"path", kEnterprise + ":division"}, {"value", "North"}}}));
  const json cleared = EventsOf(Changed("u1", "title", ""), FullFeed())[kProv + "patch:full"];
  EXPECT_EQ(cleared["data"]["Operations"], json::array({{{"op", "remove"}, {"path", "title"}}}));
}

TEST(SecurityEvent, MembersComeAndGoByOperations) {
  event::v1::ResourceReplaced payload;
  payload.set_attributes(R"({"displayName":"Crew"})");
  payload.add_members_added()->set_id("u1");
  payload.mutable_members_added(0)->set_type(event::v1::USER);
  payload.add_members_removed("u2");
  const auto put = EnvelopeOf(event::v1::RESOURCE_REPLACED, "g1", payload, event::v1::GROUP);
  const json events = EventsOf(put, FullFeed());
  EXPECT_EQ(events[kProv + "put:full"]["data"]["displayName"], "Crew");
  EXPECT_EQ(events[kProv + "patch:full"]["data"]["Operations"],
            json::parse(R"([{"op":"remove","path":"members[value eq \"u2\"]"},
                {"op":"add","path":"members","value":[{"type":"User","value":"u1"}]}])"));
  EXPECT_EQ(EventsOf(put, PlainFeed())[kProv + "put:notice"]["attributes"],
            json({"displayName", "members"}));
}

TEST(SecurityEvent, AnEmptiedGroupIsOneOperation) {
  event::v1::ResourceChanged payload;
  payload.set_members_cleared(true);
  const auto cleared = EnvelopeOf(event::v1::RESOURCE_CHANGED, "g1", payload, event::v1::GROUP);
  EXPECT_EQ(EventsOf(cleared, FullFeed())[kProv + "patch:full"]["data"]["Operations"],
            json::array({{{"op", "remove"}, {"path", "members"}}}));
  EXPECT_EQ(ClaimsOf(cleared, FullFeed())["sub_id"]["uri"], "/Groups/g1");
}

TEST(SecurityEvent, WhoIsTurnedOffOrOnIsSaidOnce) {
  const std::string off = kProv + "deactivate", on = kProv + "activate";
  EXPECT_TRUE(EventsOf(Changed("u1", "active", "false"), PlainFeed()).contains(off));
  EXPECT_FALSE(EventsOf(Changed("u1", "title", "\"x\""), PlainFeed()).contains(off));
  const auto replaced = Replaced("u1", R"({"userName":"ada","active":false})");
  EXPECT_TRUE(EventsOf(replaced, PlainFeed(), /*was_active=*/true).contains(off));
  EXPECT_FALSE(EventsOf(replaced, PlainFeed(), /*was_active=*/false).contains(off));
  EXPECT_TRUE(EventsOf(Replaced("u1", "{}"), PlainFeed(), /*was_active=*/false).contains(on));
}

TEST(SecurityEvent, WhatTheReceiverDoesNotWantIsNoEvent) {
  FeedSettings feed = PlainFeed();
  feed.events = {"delete", "deactivate"};
  EXPECT_TRUE(ClaimsOf(Created("u1", "{}"), feed).is_null());
  EXPECT_EQ(EventsOf(Deleted("u1"), feed), json({{kProv + "delete", json::object()}}));
  EXPECT_EQ(EventsOf(Changed("u1", "active", "false"), feed),
            json({{kProv + "deactivate", json::object()}}));
  event::v1::Envelope barrier;
  barrier.set_kind(event::v1::BARRIER);
  EXPECT_TRUE(ClaimsOf(barrier, feed).is_null());
}

TEST(SecurityEvent, WhatAnAsynchronousRequestCameToHasItsTransaction) {
  event::v1::RequestCompleted done;
  done.set_operation(3);
  done.set_method("PUT");
  done.set_location("/Users/u1");
  done.set_version(7);
  done.set_status(200);
  FeedSettings feed = PlainFeed();
  EXPECT_TRUE(ClaimsOf(EnvelopeOf(event::v1::REQUEST_COMPLETED, "u1", done), feed).is_null())
      << "not wanted";
  feed.events = {"asyncresp"};
  const std::string uri = "urn:ietf:params:scim:event:misc:asyncresp";
  json claims = ClaimsOf(EnvelopeOf(event::v1::REQUEST_COMPLETED, "u1", done), feed);
  EXPECT_EQ(claims["txn"], "request-1");
  EXPECT_EQ(claims["sub_id"], json({{"format", "scim"}, {"uri", "/Users/u1"}}));
  EXPECT_EQ(claims["events"][uri],
            json({{"method", "PUT"}, {"status", "200"}, {"version", "W/\"7\""}}));

  done.set_bulk(true);
  done.set_bulk_id("b");
  done.clear_location();
  done.set_response(R"({"status":"409"})");
  claims = ClaimsOf(EnvelopeOf(event::v1::REQUEST_COMPLETED, "u1", done), feed);
  EXPECT_EQ(claims["txn"], "request-1:3");
  EXPECT_EQ(claims["sub_id"]["uri"], "/Users") << "it made nothing";
  EXPECT_EQ(claims["events"][uri]["bulkId"], "b");
  EXPECT_EQ(claims["events"][uri]["response"], json({{"status", "409"}}));
}

TEST(SecurityEvent, TheSameRecordIsTheSameEvent) {
  const auto created = Created("u1", R"({"userName":"ada"})");
  EXPECT_EQ(ClaimsOf(created, FullFeed()).dump(), ClaimsOf(created, FullFeed()).dump());
}

TEST(SecurityEvent, APayloadThatDoesNotDecodeIsAnError) {
  event::v1::Envelope broken = Created("u1", "{");
  const auto event = SecurityEventOf(broken, 1, PlainFeed(),
                                     [](absl::string_view, StreamPosition) { return true; });
  EXPECT_EQ(event.status().code(), absl::StatusCode::kDataLoss);
}

TEST(SecurityEvent, OfAnErasedPersonOnlyThatSomethingHappenedIsTold) {
  event::v1::Envelope sealed = Created("u1", "{}");
  sealed.set_key_id("gone");
  EXPECT_EQ(EventsOf(sealed, FullFeed())[kProv + "create:notice"]["attributes"], json::array());
}

TEST(SecurityEvent, AJtiTellsItsPosition) {
  EXPECT_EQ(PositionIn(JtiOf(7, "0192")), 7u);
  for (const char* other : {"", "7", "x.0192", ".0192", "-1.0192"}) {
    EXPECT_EQ(PositionIn(other), std::nullopt) << other;
  }
}

}  // namespace
}  // namespace purser::feed
