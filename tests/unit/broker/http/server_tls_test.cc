#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "broker/http/server.h"
#include "gtest/gtest.h"
#include "raw_client.h"
#include "tests/support/self_signed.h"

namespace purser::http {
namespace {

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
// A blocking TLS client that trusts anything.
class TlsClient {
 public:
  explicit TlsClient(uint16_t port, int version = TLS1_3_VERSION)
      : socket_(::socket(AF_INET, SOCK_STREAM, 0)),
        context_(SSL_CTX_new(TLS_client_method())),
        ssl_(SSL_new(context_.get())) {
    SSL_set_max_proto_version(ssl_.get(), version);
    SSL_set_security_level(ssl_.get(), 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    const timeval limit{5, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    SSL_set_fd(ssl_.get(), socket_);
    connected_ = SSL_connect(ssl_.get()) == 1;
  }
  ~TlsClient() { ::close(socket_); }

  bool connected() const { return connected_; }
  void Send(absl::string_view bytes) {
    SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
  }
  // Everything until the server's close_notify; empty where it ended without one.
  std::string ReadToEnd() {
    std::string all;
    char buffer[4096];
    int bytes = 0;
    while ((bytes = SSL_read(ssl_.get(), buffer, sizeof(buffer))) > 0) all.append(buffer, bytes);
    return SSL_get_error(ssl_.get(), bytes) == SSL_ERROR_ZERO_RETURN ? all : "";
  }

 private:
  int socket_;
  std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>> context_;
  std::unique_ptr<SSL, Freer<SSL_free>> ssl_;
  bool connected_ = false;
};

std::unique_ptr<Server> StartTls(const ServerOptions& options) {
  auto server = Server::Start(options, [](Request request, Respond respond) {
    respond({.body = absl::StrCat(request.scheme, request.path, request.body.size())});
  });
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

class ServerTls : public ::testing::Test {
 protected:
  ServerTls() {
    options_.address = "127.0.0.1:0";
    options_.certificate_file = files_.certificate_path;
    options_.key_file = files_.key_path;
  }

  SelfSigned files_;
  ServerOptions options_;
};

TEST_F(ServerTls, ARequestIsAnsweredAndTheConnectionEndsWithACloseNotify) {
  auto server = StartTls(options_);
  TlsClient client(server->port());
  ASSERT_TRUE(client.connected());
  client.Send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  client.Send(absl::StrCat("POST /b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n",
                           "Content-Length: 100000\r\n\r\n", std::string(100'000, 'x')));
  const std::string answers = client.ReadToEnd();
  EXPECT_NE(answers.find("https/a0"), std::string::npos) << answers;
  EXPECT_NE(answers.find("https/b100000"), std::string::npos) << answers;
}

TEST_F(ServerTls, AnOldProtocolIsRefused) {
  auto server = StartTls(options_);
  EXPECT_FALSE(TlsClient(server->port(), TLS1_1_VERSION).connected());
  EXPECT_TRUE(TlsClient(server->port(), TLS1_2_VERSION).connected());
}

TEST_F(ServerTls, AClientThatNeverShakesHandsIsClosed) {
  options_.header_timeout = absl::Milliseconds(40);
  auto server = StartTls(options_);
  EXPECT_EQ(RawClient(server->port()).ReadToEnd(), "");
}

TEST_F(ServerTls, AMissingOrForeignKeyIsRefusedByTheNameOfItsFile) {
  options_.key_file = "/nonexistent/purser.key";
  const auto server = Server::Start(options_, [](Request, Respond) {});
  EXPECT_EQ(server.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(server.status().message().find("/nonexistent/purser.key"), absl::string_view::npos);
}

}  // namespace
}  // namespace purser::http
