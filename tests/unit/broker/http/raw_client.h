// A client that sends exactly the bytes it is given, over loopback.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace purser::http {

// Blocks, for at most 5 s a call; not thread-safe.
class RawClient {
 public:
  explicit RawClient(uint16_t port);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False where the server has closed the connection.
  bool Send(absl::string_view bytes);
  // Says that no more comes, and still reads.
  void ShutdownSend();

  // One response, status line to the last byte of its body by Content-Length (or to its head's end
  // where `head_only`); what came before the end where the server closed.
  std::string ReadResponse(bool head_only = false);
  // Everything until the server closes.
  std::string ReadToEnd();

 private:
  bool ReadMore();

  int socket_;
  std::string received_;
};

// "200" of "HTTP/1.1 200 OK..."; empty where it is no response.
std::string StatusOf(absl::string_view response);
// What follows the head.
std::string BodyOf(absl::string_view response);

}  // namespace purser::http
