#include "broker/cli/parse_time.h"

#include "gtest/gtest.h"

namespace purser {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);  // 2027-01-15T08:00:00Z

std::string Parsed(const std::string& text) {
  const auto time = ParseOperatorTime(text, kNow);
  return time.ok() ? FormatOperatorTime(*time) : "refused";
}

TEST(OperatorTime, IsRfc3339InAnyOffsetOrADate) {
  EXPECT_EQ(Parsed("2026-11-20T10:00:00Z"), "2026-11-20T10:00:00Z");
  EXPECT_EQ(Parsed("2026-11-20T10:00:00+02:00"), "2026-11-20T08:00:00Z");
  EXPECT_EQ(Parsed("2026-11-20T10:00:00.5Z"), "2026-11-20T10:00:00Z");
  EXPECT_EQ(Parsed("2026-11-20"), "2026-11-20T00:00:00Z");
}

TEST(OperatorTime, MayBeRelativeToNow) {
  EXPECT_EQ(Parsed("now"), "2027-01-15T08:00:00Z");
  EXPECT_EQ(Parsed("2h ago"), "2027-01-15T06:00:00Z");
  EXPECT_EQ(Parsed("-30m"), "2027-01-15T07:30:00Z");
  EXPECT_EQ(Parsed("1d12h ago"), "2027-01-13T20:00:00Z");
  EXPECT_EQ(Parsed("1w ago"), "2027-01-08T08:00:00Z");
}

TEST(OperatorTime, RefusesWhatCouldMeanTwoThings) {
  for (const char* text :
       {"", "-", "ago", "yesterday", "2h", "30m from now", "2026-13-01", "2026-11-20T10:00:00",
        "20/11/2026", "-5", "-m", "infinite-past", "-99999999999w"}) {
    EXPECT_EQ(Parsed(text), "refused") << text;
  }
}

std::string ParsedExpiry(const std::string& text) {
  const auto time = ParseOperatorExpiry(text, kNow);
  return time.ok() ? FormatOperatorTime(*time) : "refused";
}

TEST(OperatorExpiry, IsASpanFromNowOnOrATime) {
  EXPECT_EQ(ParsedExpiry("90d"), "2027-04-15T08:00:00Z");
  EXPECT_EQ(ParsedExpiry("1d12h"), "2027-01-16T20:00:00Z");
  EXPECT_EQ(ParsedExpiry("2027-02-01"), "2027-02-01T00:00:00Z");
  EXPECT_EQ(ParsedExpiry("2027-02-01T10:00:00+02:00"), "2027-02-01T08:00:00Z");
  for (const char* text : {"", "90", "d", "never", "99999999999w"}) {
    EXPECT_EQ(ParsedExpiry(text), "refused") << text;
  }
}

}  // namespace
}  // namespace purser
