#include "broker/http/response_head.h"

#include "gtest/gtest.h"

namespace purser::http {
namespace {

std::string Head(const Response& response, bool keep_alive = true) {
  std::string head;
  RenderHead(response, keep_alive, "Sat, 21 Nov 2026 09:00:00 GMT", &head);
  return head;
}

TEST(RenderHead, AResponseHasStatusDateTypeAndLength) {
  Response response{.status = 201,
                    .headers = {{"ETag", "W/\"1\""}},
                    .content_type = "text/plain",
                    .body = "hello"};
  EXPECT_EQ(Head(response),
            "HTTP/1.1 201 Created\r\nDate: Sat, 21 Nov 2026 09:00:00 GMT\r\n"
            "Content-Type: text/plain\r\nETag: W/\"1\"\r\nContent-Length: 5\r\n\r\n");
}

TEST(RenderHead, NoContentHasNoLength) {
  EXPECT_EQ(Head({.status = 204}, false),
            "HTTP/1.1 204 No Content\r\nDate: Sat, 21 Nov 2026 09:00:00 GMT\r\n"
            "Connection: close\r\n\r\n");
}

TEST(RenderHead, AValueCannotAddAHeaderNorChangeTheFraming) {
  const std::string head = Head({.headers = {{"Location", "/a\r\nSet-Cookie: x"},
                                             {"content-length", "999"},
                                             {"Transfer-Encoding", "chunked"}}});
  EXPECT_NE(head.find("Location: /a  Set-Cookie: x\r\n"), std::string::npos);
  EXPECT_EQ(head.find("999"), std::string::npos);
  EXPECT_EQ(head.find("chunked"), std::string::npos);
}

}  // namespace
}  // namespace purser::http
