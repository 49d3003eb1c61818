#include "connectors/api/http_client.h"

#include "gtest/gtest.h"

namespace purser::connectors {
namespace {

TEST(HttpResponse, HeaderIsFoundInAnyCaseAndTheFirstWins) {
  HttpResponse response;
  response.headers = {{"retry-after", "7"}, {"Retry-After", "9"}};
  EXPECT_EQ(response.Header("Retry-After"), "7");
  EXPECT_EQ(response.Header("ETag"), "");
}

}  // namespace
}  // namespace purser::connectors
