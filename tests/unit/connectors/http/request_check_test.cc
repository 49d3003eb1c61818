#include "connectors/http/request_check.h"

#include "gtest/gtest.h"

namespace purser::connectors {
namespace {

absl::StatusCode CheckUrl(const std::string& url) {
  return CheckRequest({.method = "GET", .url = url}).code();
}

TEST(CheckRequest, PlainHttpGoesToLoopbackAlone) {
  for (const char* url :
       {"https://app.example/scim", "http://localhost:8090/x", "http://LOCALHOST/x",
        "http://127.0.0.1:1/", "http://127.8.9.10/", "http://127.1/", "http://[::1]:8090/"}) {
    EXPECT_EQ(CheckUrl(url), absl::StatusCode::kOk) << url;
  }
  for (const char* url :
       {"http://app.example/", "http://127.0.0.1.app.example/", "http://localhost.app.example/",
        "http://128.0.0.1/", "http://[::2]/", "http://10.0.0.1/", "http://0.0.0.0/",
        "http://app.example#@127.0.0.1/"}) {
    EXPECT_EQ(CheckUrl(url), absl::StatusCode::kInvalidArgument) << url;
  }
}

TEST(CheckRequest, WhatIsNoWebAddressIsRefused) {
  for (const char* url :
       {"", "/scim", "app.example", "ftp://app.example/", "file:///etc/passwd", "https://",
        "https://user:secret@app.example/", "https://a b/", "https://app.example:99999/"}) {
    EXPECT_EQ(CheckUrl(url), absl::StatusCode::kInvalidArgument) << url;
  }
}

TEST(CheckRequest, ARefusalNeverShowsAPassword) {
  const auto status = CheckRequest({.method = "GET", .url = "https://user:secret@app.example/"});
  EXPECT_EQ(status.message().find("secret"), absl::string_view::npos);
}

TEST(CheckRequest, AHeaderCannotCarryAnother) {
  HttpRequest request{.method = "GET", .url = "https://app.example/"};
  request.headers = {{"X-Id", "a\r\nAuthorization: b"}};
  EXPECT_EQ(CheckRequest(request).code(), absl::StatusCode::kInvalidArgument);
  request.headers = {{"X-Id:", "a"}};
  EXPECT_EQ(CheckRequest(request).code(), absl::StatusCode::kInvalidArgument);
  request.headers = {};
  request.method = "GET /x";
  EXPECT_EQ(CheckRequest(request).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace purser::connectors
