// The two kinds of Connection: clear text and TLS.
#include <boost/asio/ssl/stream.hpp>
#include <utility>

#include "broker/http/connection.h"

namespace purser::http {
namespace {

namespace asio = boost::asio;

std::string AddressOf(const Socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  return error ? "" : endpoint.address().to_string(error);
}

class ClearConnection : public Connection {
 public:
  ClearConnection(ConnectionContext* context, Socket socket)
      : Connection(context, "http", AddressOf(socket)), socket_(std::move(socket)) {}

 private:
  void AsyncHandshake() override { OnHandshake({}); }

  void AsyncRead(asio::mutable_buffer into) override {
    socket_.async_read_some(
        into, [self = shared_from_this(), this](error_code error, size_t n) { OnRead(error, n); });
  }

  void AsyncWrite(const Buffers& from) override {
    socket_.async_write_some(
        from, [self = shared_from_this(), this](error_code error, size_t n) { OnWrite(error, n); });
  }

  size_t WriteNow(const Buffers& from, error_code* error) override {
    const size_t bytes = socket_.write_some(from, *error);
    if (*error == asio::error::would_block) *error = {};
    return bytes;
  }

  void AsyncShutdownSend() override {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
    OnShutdownSend();
  }

  void CloseSocket() override {
    error_code ignored;
    socket_.close(ignored);
  }

  Socket socket_;
};

class TlsConnection : public Connection {
 public:
  TlsConnection(ConnectionContext* context, Socket socket, asio::ssl::context* tls)
      : Connection(context, "https", AddressOf(socket)), stream_(std::move(socket), *tls) {}

 private:
  void AsyncHandshake() override {
    stream_.async_handshake(
        asio::ssl::stream_base::server,
        [self = shared_from_this(), this](error_code error) { OnHandshake(error); });
  }

  void AsyncRead(asio::mutable_buffer into) override {
    auto done = [self = shared_from_this(), this](error_code error, size_t n) { OnRead(error, n); };
    if (tls_ended_) {
      stream_.next_layer().async_read_some(into, std::move(done));
    } else {
      stream_.async_read_some(into, std::move(done));
    }
  }

  void AsyncWrite(const Buffers& from) override {
    stream_.async_write_some(
        from, [self = shared_from_this(), this](error_code error, size_t n) { OnWrite(error, n); });
  }

  size_t WriteNow(const Buffers&, error_code*) override { return 0; }

  void AsyncShutdownSend() override {
    if (read_pending()) return;  // OpenSSL's state is in use; the time-out closes the connection.
    stream_.async_shutdown([self = shared_from_this(), this](error_code) {
      error_code ignored;
      tls_ended_ = true;
      stream_.next_layer().shutdown(Socket::shutdown_send, ignored);
      OnShutdownSend();
    });
  }

  void CloseSocket() override {
    error_code ignored;
    stream_.next_layer().close(ignored);
  }

  asio::ssl::stream<Socket> stream_;
  bool tls_ended_ = false;
};

}  // namespace

std::shared_ptr<Connection> MakeClearConnection(ConnectionContext* context, Socket socket) {
  return std::make_shared<ClearConnection>(context, std::move(socket));
}

std::shared_ptr<Connection> MakeTlsConnection(ConnectionContext* context, Socket socket,
                                              asio::ssl::context* tls) {
  return std::make_shared<TlsConnection>(context, std::move(socket), tls);
}

}  // namespace purser::http
