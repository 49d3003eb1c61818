#include "broker/cli/connection.h"

#include "broker/cli/session.h"
#include "gtest/gtest.h"
#include "purser/admin/v1/admin.pb.h"

namespace purser {
namespace {

TEST(Connection, TakesLoopbackAddressesAloneForLoopback) {
  for (const char* address : {"127.0.0.1:9090", "127.1.2.3:1", "localhost:9090", "[::1]:9090"}) {
    EXPECT_TRUE(IsLoopbackAddress(address)) << address;
  }
  for (const char* address : {"10.0.0.1:9090", "127.example.com:9090", "localhost.example.com:1",
                              "[2001:db8::1]:9090", "127.0.0.1.example.com:9090"}) {
    EXPECT_FALSE(IsLoopbackAddress(address)) << address;
  }
}

TEST(Connection, AServerOutOfReachIsAFailureThatNamesTheAddress) {
  const auto connection = ConnectByGrpc({.address = "127.0.0.1:1"});
  ASSERT_TRUE(connection.ok()) << connection.status();
  admin::v1::ListAppsResponse response;
  const absl::Status status =
      (*connection)
          ->Call("purser.admin.v1.AppService/List", admin::v1::ListAppsRequest(), &response);
  EXPECT_EQ(ExitStatusOf(status), kExitFailed);
  EXPECT_NE(status.message().find("127.0.0.1:1"), absl::string_view::npos);
}

TEST(Connection, ACertificateThatCannotBeReadIsRefused) {
  EXPECT_EQ(ConnectByGrpc({.ca = "/nowhere/ca.pem"}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace purser
