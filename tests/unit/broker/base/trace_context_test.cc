#include "broker/base/trace_context.h"

#include <gtest/gtest.h>

#include "broker/base/ids.h"

namespace purser {
namespace {

constexpr char kTrace[] = "0af7651916cd43dd8448eb211c80319c";

TEST(TraceContext, AnInboundHeaderNamesItsTraceAndWhetherItIsRecorded) {
  const auto recorded = ParseTraceParent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  ASSERT_TRUE(recorded.has_value());
  EXPECT_EQ(recorded->trace_id, kTrace);
  EXPECT_TRUE(recorded->sampled);
  const auto not_recorded =
      ParseTraceParent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fe");
  ASSERT_TRUE(not_recorded.has_value());
  EXPECT_FALSE(not_recorded->sampled);
}

TEST(TraceContext, OfALaterVersionWhatIsKnownIsRead) {
  const auto later =
      ParseTraceParent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more");
  ASSERT_TRUE(later.has_value());
  EXPECT_EQ(later->trace_id, kTrace);
}

TEST(TraceContext, AMalformedHeaderIsNone) {
  for (const char* text : {
           "",
           "00",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
           "00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01",
           "00-00000000000000000000000000000000-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
           "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
           "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333x-01",
           "0-00af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "-------------------------------------------------------",
       }) {
    EXPECT_FALSE(ParseTraceParent(text).has_value()) << text;
  }
}

TEST(TraceContext, ACallIsASpanOfItsOwnInTheTrace) {
  const std::string request = RandomIdSource().NewId(absl::FromUnixSeconds(1'800'000'000));
  const std::string header = FormatTraceParent({kTrace, true}, request);
  const auto parsed = ParseTraceParent(header);
  ASSERT_TRUE(parsed.has_value()) << header;
  EXPECT_EQ(parsed->trace_id, kTrace);
  EXPECT_TRUE(parsed->sampled);
  EXPECT_NE(header, FormatTraceParent({kTrace, true}, RandomIdSource().NewId(absl::UnixEpoch())));
}

TEST(TraceContext, ATraceOfOurOwnIsNamedByWhatBeganIt) {
  const TraceContext trace = TraceBegunBy("0192F0C1-7d4a-7b3e-8f00-5a6b7c8d9e0f");
  EXPECT_EQ(trace.trace_id, "0192f0c17d4a7b3e8f005a6b7c8d9e0f");
  EXPECT_TRUE(ParseTraceParent(FormatTraceParent(trace, "0192f0c1-7d4a-7b3e-8f00-5a6b7c8d9e0f")));
}

}  // namespace
}  // namespace purser
