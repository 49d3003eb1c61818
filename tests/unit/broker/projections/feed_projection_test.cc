#include "broker/projections/feed_projection.h"

#include <gtest/gtest.h>

#include "purser/event/v1/delivery.pb.h"
#include "purser/event/v1/feed.pb.h"
#include "tests/support/temp_dir.h"

namespace purser {
namespace {

const StreamId kStream = StreamId::Feeds("d1");

class FeedProjectionTest : public testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  void Reopen() {
    projection_.reset();
    auto opened = FeedProjection::Open(dir_ / "feeds.db", kStream);
    ASSERT_TRUE(opened.ok()) << opened.status();
    projection_ = *std::move(opened);
  }

  template <typename Payload>
  void Apply(event::v1::Kind kind, const Payload& payload) {
    event::v1::Envelope envelope;
    envelope.set_event_id("event-" + std::to_string(head_.position + 1));
    envelope.set_kind(kind);
    envelope.set_payload(payload.SerializeAsString());
    const Record record =
        ChainRecord(kStream, envelope, absl::FromUnixSeconds(1'800'000'000), &head_);
    const absl::Status applied = projection_->Apply(record, *DecodeRecord(record.bytes));
    ASSERT_TRUE(applied.ok()) << applied;
  }

  void Place(const std::string& feed, StreamPosition position, bool moved = false) {
    event::v1::FeedPlaced placed;
    placed.set_feed(feed);
    placed.set_position(position);
    placed.set_moved(moved);
    Apply(event::v1::FEED_PLACED, placed);
  }

  TempDir dir_;
  Head head_ = EmptyHead(kStream);
  std::unique_ptr<FeedProjection> projection_;
};

TEST_F(FeedProjectionTest, PlacesOutliveTheProcess) {
  ASSERT_TRUE(projection_->Begin().ok());
  Place("warehouse", 0, /*moved=*/true);
  Place("warehouse", 7);
  event::v1::FeedPlaced refused;
  refused.set_feed("siem");
  refused.set_position(9);
  refused.add_refused()->set_jti("8.a");
  Apply(event::v1::FEED_PLACED, refused);
  event::v1::TookOver took_over;
  took_over.set_node_id("node-1");
  took_over.set_boot_id("boot-1");
  Apply(event::v1::TOOK_OVER, took_over);
  ASSERT_TRUE(projection_->Commit().ok());
  Reopen();
  const auto state = projection_->state();
  EXPECT_EQ(state->head, head_);
  EXPECT_EQ(state->places.at("warehouse").position, 7u);
  EXPECT_EQ(state->places.at("warehouse").moved_at, 1u);
  EXPECT_EQ(state->places.at("siem").refused, 1u);
  EXPECT_EQ(state->owner_node, "node-1");
  EXPECT_EQ(state->owner_boot, "boot-1");
  EXPECT_FALSE(state->released);
}

TEST_F(FeedProjectionTest, WhatWasRolledBackIsGone) {
  ASSERT_TRUE(projection_->Begin().ok());
  Place("warehouse", 7);
  EXPECT_EQ(projection_->draft().places.at("warehouse").position, 7u);
  projection_->Rollback();
  EXPECT_TRUE(projection_->draft().places.empty());
  EXPECT_TRUE(projection_->state()->places.empty());
  EXPECT_EQ(projection_->head().position, 0u);
}

}  // namespace
}  // namespace purser
