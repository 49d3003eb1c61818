#include "broker/http/server.h"

#include <atomic>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "broker/base/log.h"
#include "broker/base/status.h"
#include "broker/http/loop.h"

namespace purser::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Endpoint = asio::ip::tcp::endpoint;

// A process out of file descriptors accepts again after this.
constexpr std::chrono::milliseconds kAcceptPause(100);

// "127.0.0.1:8080", "[::1]:8080", "localhost:8080", ":8080" (every address).
absl::StatusOr<Endpoint> Resolve(const std::string& address, asio::io_context* context) {
  const size_t colon = address.rfind(':');
  uint32_t port = 0;
  if (colon == std::string::npos || !absl::SimpleAtoi(address.substr(colon + 1), &port) ||
      port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat("listen on ", address, ": not HOST:PORT"));
  }
  std::string host = address.substr(0, colon);
  if (absl::StartsWith(host, "[") && absl::EndsWith(host, "]")) {
    host = host.substr(1, host.size() - 2);
  }
  if (host.empty()) host = "0.0.0.0";
  error_code error;
  asio::ip::tcp::resolver resolver(*context);
  const auto found = resolver.resolve(host, absl::StrCat(port), error);
  if (error || found.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("listen on ", address, ": ", error.message()));
  }
  return found.begin()->endpoint();
}

absl::StatusOr<std::unique_ptr<asio::ssl::context>> MakeTls(const ServerOptions& options) {
  auto tls = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  error_code error;
  tls->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                       asio::ssl::context::no_tlsv1_1 | SSL_OP_NO_RENEGOTIATION,
                   error);
  tls->use_certificate_chain_file(options.certificate_file, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("read the TLS certificate ", options.certificate_file, ": ", error.message()));
  }
  tls->use_private_key_file(options.key_file, asio::ssl::context::pem, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("read the TLS key ", options.key_file, ": ", error.message()));
  }
  return tls;
}

class BeastServer : public Server {
 public:
  BeastServer(const ServerOptions& options, Handler handler)
      : options_(options), handler_(std::move(handler)) {}
  ~BeastServer() override { Stop(absl::ZeroDuration()); }

  absl::Status Listen() {
    if (!options_.certificate_file.empty() || !options_.key_file.empty()) {
      ASSIGN_OR_RETURN(tls_, MakeTls(options_));
    }
    for (int i = 0; i < std::max(options_.threads, 1); ++i) {
      loops_.push_back(
          std::make_unique<Loop>(&options_, &handler_, tls_.get(), &open_connections_));
    }
    asio::io_context& first = loops_.front()->context();
    ASSIGN_OR_RETURN(const Endpoint endpoint, Resolve(options_.address, &first));
    acceptor_ = std::make_unique<Acceptor>(first);
    pause_ = std::make_unique<asio::steady_timer>(first);
    error_code error;
    acceptor_->open(endpoint.protocol(), error);
    if (!error) acceptor_->set_option(Acceptor::reuse_address(true), error);
    if (!error) acceptor_->bind(endpoint, error);
    if (!error) acceptor_->listen(Acceptor::max_listen_connections, error);
    if (error) {
      return absl::FailedPreconditionError(
          absl::StrCat("listen on ", options_.address, ": ", error.message()));
    }
    port_ = acceptor_->local_endpoint().port();
    Accept();
    for (const auto& loop : loops_) loop->Start();
    return absl::OkStatus();
  }

  uint16_t port() const override { return port_; }

  void Stop(absl::Duration drain) override {
    if (stopped_.exchange(true)) return;
    const absl::Time deadline = absl::Now() + drain;
    if (acceptor_ != nullptr && port_ != 0) {
      std::promise<void> stopped;
      asio::post(loops_.front()->context(), [this, &stopped] {
        StopAccepting();
        stopped.set_value();
      });
      stopped.get_future().wait();
    }
    for (const auto& loop : loops_) loop->Drain();
    while (!Drained() && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(2));
    for (const auto& loop : loops_) loop->Stop();
  }

 private:
  using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, asio::io_context::executor_type>;

  bool Drained() const {
    return std::all_of(loops_.begin(), loops_.end(),
                       [](const auto& loop) { return loop->drained(); });
  }

  Loop* NextLoop() { return loops_[next_loop_++ % loops_.size()].get(); }

  // On the first loop's thread: hands each new connection to the next loop.
  void Accept() {
    Loop* const loop = NextLoop();
    acceptor_->async_accept(loop->context(), [this, loop](error_code error, Socket socket) {
      if (!error) loop->Add(std::move(socket));
      if (!acceptor_->is_open() || error == asio::error::operation_aborted) return;
      if (!error) return Accept();
      LogWarning("a connection could not be accepted", {{"error", error.message()}});
      pause_->expires_after(kAcceptPause);
      pause_->async_wait([this](error_code cancelled) {
        if (!cancelled) Accept();
      });
    });
  }

  // On the first loop's thread. The kernel has taken connections that nobody has asked for yet:
  // their requests may be here.
  void StopAccepting() {
    error_code error;
    acceptor_->non_blocking(true, error);
    for (size_t i = 0; !error && i < options_.max_connections; ++i) {
      Loop* const loop = NextLoop();
      Socket socket(loop->context());
      acceptor_->accept(socket, error);
      if (!error) loop->Add(std::move(socket));
    }
    acceptor_->close(error);
    pause_->cancel();
  }

  const ServerOptions options_;
  const Handler handler_;
  std::unique_ptr<asio::ssl::context> tls_;
  std::atomic<size_t> open_connections_ = 0;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::unique_ptr<Acceptor> acceptor_;
  std::unique_ptr<asio::steady_timer> pause_;
  size_t next_loop_ = 0;
  uint16_t port_ = 0;
  std::atomic<bool> stopped_ = false;
};

}  // namespace

absl::string_view Request::Header(absl::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (absl::EqualsIgnoreCase(key, name)) return value;
  }
  return {};
}

const std::string* Request::Query(absl::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return &value;
  }
  return nullptr;
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      Handler handler) {
  auto server = std::make_unique<BeastServer>(options, std::move(handler));
  RETURN_IF_ERROR(server->Listen());
  return server;
}

}  // namespace purser::http
