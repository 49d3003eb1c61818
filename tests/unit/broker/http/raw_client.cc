#include "raw_client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"

namespace purser::http {
namespace {

size_t ContentLength(absl::string_view head) {
  const std::string lower = absl::AsciiStrToLower(head);
  const size_t at = lower.find("content-length: ");
  if (at == std::string::npos) return 0;
  size_t length = 0;
  const size_t begin = at + 16;
  if (!absl::SimpleAtoi(lower.substr(begin, lower.find('\r', begin) - begin), &length)) return 0;
  return length;
}

}  // namespace

RawClient::RawClient(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval limit{5, 0};
  const int on = 1;
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    ::close(socket_);
    socket_ = -1;
  }
}

RawClient::~RawClient() {
  if (socket_ >= 0) ::close(socket_);
}

bool RawClient::Send(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

void RawClient::ShutdownSend() { ::shutdown(socket_, SHUT_WR); }

bool RawClient::ReadMore() {
  char buffer[16384];
  const ssize_t bytes = ::recv(socket_, buffer, sizeof(buffer), 0);
  if (bytes <= 0) return false;
  received_.append(buffer, static_cast<size_t>(bytes));
  return true;
}

std::string RawClient::ReadResponse(bool head_only) {
  size_t end = std::string::npos;
  while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
    if (!ReadMore()) return std::exchange(received_, {});
  }
  end += 4;
  if (!head_only) end += ContentLength(received_.substr(0, end));
  while (received_.size() < end) {
    if (!ReadMore()) return std::exchange(received_, {});
  }
  std::string response = received_.substr(0, end);
  received_.erase(0, end);
  return response;
}

std::string RawClient::ReadToEnd() {
  while (ReadMore()) {
  }
  return std::exchange(received_, {});
}

std::string StatusOf(absl::string_view response) {
  if (!absl::StartsWith(response, "HTTP/1.1 ")) return "";
  return std::string(response.substr(9, 3));
}

std::string BodyOf(absl::string_view response) {
  const size_t at = response.find("\r\n\r\n");
  return at == absl::string_view::npos ? "" : std::string(response.substr(at + 4));
}

}  // namespace purser::http
