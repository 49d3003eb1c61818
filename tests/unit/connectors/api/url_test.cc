#include "connectors/api/url.h"

#include "gtest/gtest.h"

namespace purser::connectors {
namespace {

TEST(Url, ASlashAtTheEndOfTheBaseMakesNoDifference) {
  EXPECT_EQ(JoinUrl("https://x/scim/", {"Users"}), "https://x/scim/Users");
  EXPECT_EQ(JoinUrl("https://x/scim", {"Users"}), "https://x/scim/Users");
  EXPECT_EQ(JoinUrl("https://x", {"Users", "7"}), "https://x/Users/7");
}

TEST(Url, AnIdCannotLeaveItsPlaceInThePath) {
  EXPECT_EQ(JoinUrl("https://x", {"Users", "../a?b#c d"}), "https://x/Users/..%2Fa%3Fb%23c%20d");
}

TEST(Url, AFlagInTheBaseStaysInTheQuery) {
  EXPECT_EQ(JoinUrl("https://x/scim/?aadOptscim062020", {"Users"}, {{"count", "1"}}),
            "https://x/scim/Users?aadOptscim062020&count=1");
}

TEST(Url, AFilterIsEncodedWhole) {
  EXPECT_EQ(JoinUrl("https://x", {}, {{"filter", "userName eq \"å&b\""}}),
            "https://x?filter=userName%20eq%20%22%C3%A5%26b%22");
}

TEST(Url, ShownUrlsHoldNoQueryValueAndNoUser) {
  EXPECT_EQ(RedactUrl("https://ada:secret@x:8443/Users?filter=userName+eq+%22ada%22&count=1#f"),
            "https://x:8443/Users?filter&count");
}

TEST(Url, ShownUrlsHoldNoMailAddress) {
  EXPECT_EQ(RedactUrl("https://x/Users/ada%40example.com?attributes=id"),
            "https://x/Users/..?attributes");
  EXPECT_EQ(RedactUrl("https://x/Users/ada@example.com/groups"), "https://x/Users/../groups");
}

TEST(Url, HostsAreTakenOutOfAddresses) {
  EXPECT_EQ(HostOf("https://u@NA1.replicon.com:443/x"), "na1.replicon.com");
  EXPECT_EQ(HostOf("http://[::1]:80/"), "[::1]");
}

}  // namespace
}  // namespace purser::connectors
