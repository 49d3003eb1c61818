// One client's connection: reads a request, hands it over, writes the answer, and so on.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "broker/http/outbox.h"
#include "broker/http/request_parser.h"
#include "broker/http/server.h"

namespace purser::http {

// Bound to one io_context, without a type-erased executor in between.
using Socket =
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;
using Buffers = std::array<boost::asio::const_buffer, 2>;
using SteadyTime = std::chrono::steady_clock::time_point;

// What a loop shares with its connections; outlives them.
struct ConnectionContext {
  const ServerOptions* options = nullptr;
  const Handler* handler = nullptr;
  std::shared_ptr<Outbox> outbox;
  std::string date;       // of now, as the Date header has it
  bool draining = false;  // each answer is its connection's last
  // Called once for each connection, when it is closed.
  std::function<void(Connection*)> closed;
};

// Lives on one loop's thread: every method is called there. One request is under way at a time;
// what a pipelining client sends meanwhile stays in the buffer and the kernel.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(ConnectionContext* context, std::string scheme, std::string remote_address);
  virtual ~Connection() = default;

  // Begins to read, or to shake hands.
  void Start();

  // Sends the answer to the request under way; nullopt closes the connection instead.
  void Settle(std::optional<Response> response);

  // Acts on a time-out that has passed.
  void CheckDeadline(SteadyTime now);

  // Closes it now unless an answer is under way.
  void Drain();
  void Close();

  // True between the last byte of a request and that of its answer.
  bool busy() const { return state_ == State::kHandling || state_ == State::kWriting; }

 protected:
  using error_code = boost::beast::error_code;

  // The transport: each Async call ends in the On method of its name, if not closed before.
  virtual void AsyncHandshake() = 0;
  virtual void AsyncRead(boost::asio::mutable_buffer into) = 0;
  virtual void AsyncWrite(const Buffers& from) = 0;
  // Writes what can be written without waiting; 0 where that is not known.
  virtual size_t WriteNow(const Buffers& from, error_code* error) = 0;
  // Tells the client that nothing more comes; reads after it may bypass TLS.
  virtual void AsyncShutdownSend() = 0;
  virtual void CloseSocket() = 0;

  void OnHandshake(error_code error);
  void OnRead(error_code error, size_t bytes);
  void OnWrite(error_code error, size_t bytes);
  void OnShutdownSend();

  bool read_pending() const { return read_pending_; }

 private:
  enum class State {
    kHandshake,
    kIdle,       // between requests
    kHeader,     // the first byte has arrived
    kBody,       // the headers have
    kHandling,   // the handler has it
    kWriting,    // an answer, or "100 Continue"
    kLingering,  // the last answer is sent; the client may still be reading it
    kClosed,
  };

  // Goes from state to state until it must wait for the client or the handler.
  void Run();
  // Each returns true where Run() can go on at once.
  bool ReadRequest();
  bool WriteRest();

  void BeginRequest();
  bool AwaitBytes();
  bool AwaitBody();
  void HandOver();
  void Refuse(int status, absl::string_view message);
  void WriteResponse(Response response, bool keep_alive);
  void WriteHead(State next);
  void Linger();
  void ExtendBodyDeadline();
  void SetDeadline(absl::Duration timeout);

  ConnectionContext* const context_;
  const std::string scheme_;
  const std::string remote_address_;

  State state_ = State::kHandshake;
  State after_write_ = State::kIdle;
  SteadyTime deadline_ = SteadyTime::max();
  SteadyTime body_deadline_ = SteadyTime::max();
  bool read_pending_ = false;

  boost::beast::flat_buffer buffer_;
  std::optional<RequestParser> parser_;

  // The answer being written; the strings keep their memory for the next.
  std::string head_;
  std::string body_;
  size_t written_ = 0;
};

std::shared_ptr<Connection> MakeClearConnection(ConnectionContext* context, Socket socket);
// `tls` outlives the connection.
std::shared_ptr<Connection> MakeTlsConnection(ConnectionContext* context, Socket socket,
                                              boost::asio::ssl::context* tls);

}  // namespace purser::http
