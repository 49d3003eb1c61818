#include "broker/http/connection.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/http/response_head.h"

namespace purser::http {
namespace {

using std::chrono::steady_clock;

constexpr size_t kReadBytes = 8u << 10;
constexpr size_t kBodyReadBytes = 64u << 10;
// How long a client may take to read the last answer before the connection is closed under it.
constexpr absl::Duration kLinger = absl::Seconds(2);

std::string MessageOf(int status, const ServerOptions& options) {
  switch (status) {
    case 408:
      return "the request did not arrive in time";
    case 413:
      return absl::StrCat("the request's body is too large: at most ", options.max_body_bytes,
                          " bytes are taken");
    case 431:
      return "the request's headers are too large";
    case 501:
      return "this transfer encoding is not supported";
    default:
      return "this is no valid HTTP request";
  }
}

}  // namespace

Connection::Connection(ConnectionContext* context, std::string scheme, std::string remote_address)
    : context_(context), scheme_(std::move(scheme)), remote_address_(std::move(remote_address)) {}

void Connection::Start() {
  SetDeadline(context_->options->header_timeout);
  AsyncHandshake();
}

void Connection::OnHandshake(error_code error) {
  if (state_ == State::kClosed) return;
  if (error) return Close();
  state_ = State::kIdle;
  SetDeadline(context_->options->idle_timeout);
  Run();
}

void Connection::Run() {
  bool go_on = true;
  while (go_on) {
    switch (state_) {
      case State::kIdle:
      case State::kHeader:
      case State::kBody:
        go_on = ReadRequest();
        break;
      case State::kWriting:
        go_on = WriteRest();
        break;
      default:
        return;
    }
  }
}

void Connection::BeginRequest() {
  state_ = State::kHeader;
  parser_.emplace(*context_->options);
  SetDeadline(context_->options->header_timeout);
}

bool Connection::ReadRequest() {
  if (buffer_.size() == 0) return AwaitBytes();
  if (state_ == State::kIdle) BeginRequest();
  error_code error;
  buffer_.consume(parser_->put(buffer_.data(), error));
  if (error && error != boost::beast::http::error::need_more) {
    const int status = RequestParser::StatusOf(error);
    Refuse(status, MessageOf(status, *context_->options));
    return true;
  }
  if (parser_->is_done()) {
    HandOver();
    return false;
  }
  if (state_ == State::kHeader && parser_->is_header_done()) return AwaitBody();
  // What the parser leaves is one line: of a chunk's header or the trailer, beyond the headers.
  if (buffer_.size() > context_->options->max_header_bytes + kReadBytes) {
    Refuse(400, MessageOf(400, *context_->options));
    return true;
  }
  return AwaitBytes();
}

bool Connection::AwaitBody() {
  state_ = State::kBody;
  body_deadline_ =
      steady_clock::now() + absl::ToChronoNanoseconds(context_->options->body_total_timeout);
  ExtendBodyDeadline();
  if (!parser_->expects_continue() || !parser_->request().body.empty() || buffer_.size() > 0) {
    return AwaitBytes();
  }
  head_ = "HTTP/1.1 100 Continue\r\n\r\n";
  body_.clear();
  WriteHead(State::kBody);
  return true;
}

bool Connection::AwaitBytes() {
  if (read_pending_) return false;
  read_pending_ = true;
  AsyncRead(buffer_.prepare(state_ == State::kBody ? kBodyReadBytes : kReadBytes));
  return false;
}

void Connection::OnRead(error_code error, size_t bytes) {
  read_pending_ = false;
  switch (state_) {
    case State::kIdle:
    case State::kHeader:
    case State::kBody:
      if (error) return Close();
      buffer_.commit(bytes);
      if (state_ == State::kBody) ExtendBodyDeadline();
      return Run();
    case State::kLingering:
      if (error) return Close();
      AwaitBytes();
      return;
    default:
      // A refusal is being written; what the client still sends is of no interest.
      return;
  }
}

void Connection::HandOver() {
  state_ = State::kHandling;
  deadline_ = SteadyTime::max();
  Request& request = parser_->request();
  request.scheme = scheme_;
  request.remote_address = remote_address_;
  (*context_->handler)(std::move(request), MakeRespond(context_->outbox, weak_from_this()));
}

void Connection::Settle(std::optional<Response> response) {
  if (state_ != State::kHandling) return;
  if (!response.has_value()) return Close();
  if (response->render) response = response->render();
  WriteResponse(*std::move(response), parser_->reusable() && !context_->draining);
  Run();
}

void Connection::Refuse(int status, absl::string_view message) {
  Response response;
  if (context_->options->error_page) {
    response = context_->options->error_page(status, parser_->request().path, message);
  } else {
    response.status = status;
    response.content_type = "text/plain";
    response.body = std::string(message) + "\n";
  }
  WriteResponse(std::move(response), false);
}

void Connection::WriteResponse(Response response, bool keep_alive) {
  RenderHead(response, keep_alive, context_->date, &head_);
  body_ = std::move(response.body);
  if (parser_->head_only() || !HasBody(response.status)) body_.clear();
  body_deadline_ =
      steady_clock::now() + absl::ToChronoNanoseconds(context_->options->body_total_timeout);
  WriteHead(keep_alive ? State::kIdle : State::kLingering);
}

void Connection::WriteHead(State next) {
  state_ = State::kWriting;
  after_write_ = next;
  written_ = 0;
  ExtendBodyDeadline();
}

bool Connection::WriteRest() {
  while (written_ < head_.size() + body_.size()) {
    const size_t of_head = std::min(written_, head_.size());
    const size_t of_body = written_ - of_head;
    const Buffers rest = {boost::asio::buffer(head_.data() + of_head, head_.size() - of_head),
                          boost::asio::buffer(body_.data() + of_body, body_.size() - of_body)};
    error_code error;
    const size_t bytes = WriteNow(rest, &error);
    if (error) {
      Close();
      return false;
    }
    if (bytes == 0) {
      AsyncWrite(rest);
      return false;
    }
    written_ += bytes;
  }
  state_ = after_write_;
  if (state_ == State::kLingering) {
    Linger();
    return false;
  }
  if (state_ == State::kIdle) SetDeadline(context_->options->idle_timeout);
  return true;
}

void Connection::OnWrite(error_code error, size_t bytes) {
  if (state_ != State::kWriting) return;
  if (error) return Close();
  written_ += bytes;
  ExtendBodyDeadline();
  Run();
}

void Connection::Linger() {
  // A close with bytes unread would reset the connection, and the client might lose the answer.
  SetDeadline(kLinger);
  AsyncShutdownSend();
}

void Connection::OnShutdownSend() {
  if (state_ == State::kLingering) AwaitBytes();
}

void Connection::CheckDeadline(SteadyTime now) {
  if (now < deadline_) return;
  if (state_ != State::kHeader && state_ != State::kBody) return Close();
  Refuse(408, MessageOf(408, *context_->options));
  Run();
}

void Connection::Drain() {
  if (!busy()) Close();
}

void Connection::Close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  CloseSocket();
  context_->closed(this);
}

void Connection::ExtendBodyDeadline() {
  SetDeadline(context_->options->body_timeout);
  deadline_ = std::min(deadline_, body_deadline_);
}

void Connection::SetDeadline(absl::Duration timeout) {
  deadline_ = steady_clock::now() + absl::ToChronoNanoseconds(timeout);
}

}  // namespace purser::http
