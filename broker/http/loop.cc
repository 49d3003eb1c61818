#include "broker/http/loop.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "absl/time/clock.h"
#include "broker/base/log.h"

namespace purser::http {
namespace {

namespace asio = boost::asio;

// How long a connection that waits for its client's next request is kept at a stop: a client that
// is at work is answered, and told by that answer that it was the last one here. Whoever is idle
// meets a closed connection.
constexpr std::chrono::milliseconds kNextRequestWithin(250);

// Time-outs are looked at this often: a quarter of the shortest, from 5 to 250 ms.
std::chrono::nanoseconds TickOf(const ServerOptions& options) {
  const absl::Duration shortest = std::min({options.header_timeout, options.body_timeout,
                                            options.body_total_timeout, options.idle_timeout});
  return absl::ToChronoNanoseconds(
      std::clamp(shortest / 4, absl::Milliseconds(5), absl::Milliseconds(250)));
}

std::string HttpDate() {
  return absl::FormatTime("%a, %d %b %E4Y %H:%M:%S GMT", absl::Now(), absl::UTCTimeZone());
}

}  // namespace

Loop::Loop(const ServerOptions* options, const Handler* handler, asio::ssl::context* tls,
           std::atomic<size_t>* open_connections)
    : options_(options),
      tls_(tls),
      open_connections_(open_connections),
      tick_(TickOf(*options)),
      work_(context_.get_executor()),
      ticker_(context_),
      last_requests_(context_) {
  shared_.options = options;
  shared_.handler = handler;
  shared_.date = HttpDate();
  shared_.outbox =
      std::make_shared<Outbox>([this] { asio::post(context_, [this] { OnAnswers(); }); });
  shared_.closed = [this](Connection* connection) {
    --*open_connections_;
    connections_.erase(connection);
  };
}

Loop::~Loop() { Stop(); }

void Loop::Start() {
  asio::post(context_, [this] { OnTick(); });
  thread_ = std::thread([this] { context_.run(); });
}

void Loop::Add(Socket socket) {
  asio::post(context_, [this, socket = std::move(socket)]() mutable { Adopt(std::move(socket)); });
}

void Loop::Adopt(Socket socket) {
  boost::system::error_code error;
  socket.non_blocking(true, error);
  socket.set_option(asio::ip::tcp::no_delay(true), error);
  if (++*open_connections_ > options_->max_connections) {
    --*open_connections_;
    return Turn(std::move(socket));
  }
  auto connection = tls_ == nullptr ? MakeClearConnection(&shared_, std::move(socket))
                                    : MakeTlsConnection(&shared_, std::move(socket), tls_);
  connections_.emplace(connection.get(), connection);
  connection->Start();
}

// Turns a client away: one attempt to say so, where it would be understood.
void Loop::Turn(Socket socket) {
  if (tls_ != nullptr) return;
  static constexpr absl::string_view kFull =
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
      "Connection: close\r\n\r\n";
  boost::system::error_code ignored;
  socket.write_some(asio::buffer(kFull.data(), kFull.size()), ignored);
}

void Loop::OnAnswers() {
  shared_.outbox->Take(&answers_);
  for (Answer& answer : answers_) {
    if (const auto connection = answer.connection.lock()) {
      connection->Settle(std::move(answer.response));
    }
  }
  answers_.clear();
  if (shared_.draining) CheckDrained();
}

void Loop::OnTick() {
  shared_.date = HttpDate();
  const SteadyTime now = std::chrono::steady_clock::now();
  std::vector<std::shared_ptr<Connection>> all;
  all.reserve(connections_.size());
  for (const auto& [key, connection] : connections_) all.push_back(connection);
  for (const auto& connection : all) connection->CheckDeadline(now);
  if (shared_.draining) CheckDrained();
  ticker_.expires_after(tick_);
  ticker_.async_wait([this](boost::system::error_code error) {
    if (!error) OnTick();
  });
}

void Loop::Drain() {
  asio::post(context_, [this] {
    shared_.draining = true;
    last_requests_.expires_after(kNextRequestWithin);
    last_requests_.async_wait([this](boost::system::error_code error) {
      if (error) return;
      closes_idle_ = true;
      CheckDrained();
    });
    CheckDrained();
  });
}

void Loop::CheckDrained() {
  std::vector<std::shared_ptr<Connection>> idle;
  for (const auto& [key, connection] : connections_) {
    if (!connection->busy()) idle.push_back(connection);
  }
  const bool busy = idle.size() < connections_.size();
  if (closes_idle_) {
    for (const auto& connection : idle) connection->Drain();
  }
  drained_ = !busy && (closes_idle_ || idle.empty());
}

void Loop::Stop() {
  shared_.outbox->Close();
  if (!thread_.joinable()) return;
  asio::post(context_, [this] {
    while (!connections_.empty()) {
      const std::shared_ptr<Connection> connection = connections_.begin()->second;
      connection->Close();
    }
    ticker_.cancel();
    last_requests_.cancel();
    work_.reset();
    context_.stop();
  });
  thread_.join();
}

}  // namespace purser::http
