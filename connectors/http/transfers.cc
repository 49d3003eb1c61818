#include "connectors/http/transfers.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace purser::connectors {
namespace {

using std::chrono::steady_clock;

constexpr size_t kKeptEasyHandles = 256;

}  // namespace

Transfers::Transfers(const CurlOptions& options) : options_(options) {}

Transfers::~Transfers() {
  for (auto& [key, transfer] : under_way_) {
    curl_multi_remove_handle(multi_.get(), transfer->easy());
  }
  under_way_.clear();
  idle_.clear();
  multi_.reset();
  if (epoll_ >= 0) ::close(epoll_);
  if (wake_ >= 0) ::close(wake_);
}

absl::Status Transfers::Open() {
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  multi_.reset(curl_multi_init());
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (initialized != CURLE_OK || multi_ == nullptr || epoll_ < 0 || wake_ < 0) {
    return absl::ResourceExhaustedError("open the HTTP client: libcurl, epoll or eventfd failed");
  }
  epoll_event event{.events = EPOLLIN, .data = {.fd = wake_}};
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event);
  CURLM* const multi = multi_.get();
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &Transfers::OnSocket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &Transfers::OnTimer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(options_.max_idle_connections));
  return absl::OkStatus();
}

void Transfers::Start(uint64_t id, HttpRequest request) {
  auto transfer = std::make_unique<Transfer>(TakeEasy(), id, std::move(request), &options_);
  CURL* const easy = transfer->easy();
  under_way_.emplace(easy, std::move(transfer));
  curl_multi_add_handle(multi_.get(), easy);
}

std::vector<Transfers::Finished> Transfers::RunOnce(absl::Duration max_wait) {
  Poll(max_wait);
  if (steady_clock::now() >= timer_) {
    timer_ = kNever;
    int running = 0;
    curl_multi_socket_action(multi_.get(), CURL_SOCKET_TIMEOUT, 0, &running);
  }
  return Collect();
}

void Transfers::Wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof(one));
}

int Transfers::OnSocket(CURL*, curl_socket_t socket, int what, void* self, void*) {
  const int epoll = static_cast<Transfers*>(self)->epoll_;
  if (what == CURL_POLL_REMOVE) {
    ::epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nullptr);
    return 0;
  }
  epoll_event event{.events = 0, .data = {.fd = socket}};
  if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
  if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
  if (::epoll_ctl(epoll, EPOLL_CTL_MOD, socket, &event) != 0) {
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
  }
  return 0;
}

int Transfers::OnTimer(CURLM*, long milliseconds, void* self) {  // NOLINT(google-runtime-int)
  static_cast<Transfers*>(self)->timer_ =
      milliseconds < 0 ? kNever : steady_clock::now() + std::chrono::milliseconds(milliseconds);
  return 0;
}

// Waits for sockets, libcurl's timer, Wake() or `max_wait`, and serves the sockets.
void Transfers::Poll(absl::Duration max_wait) {
  std::array<epoll_event, 256> events;
  const int count = ::epoll_wait(epoll_, events.data(), events.size(), WaitOf(max_wait));
  for (int i = 0; i < count; ++i) {
    const int socket = events[i].data.fd;
    if (socket == wake_) {
      uint64_t wakes = 0;
      [[maybe_unused]] const ssize_t bytes = ::read(wake_, &wakes, sizeof(wakes));
      continue;
    }
    int what = 0;
    if ((events[i].events & EPOLLIN) != 0) what |= CURL_CSELECT_IN;
    if ((events[i].events & EPOLLOUT) != 0) what |= CURL_CSELECT_OUT;
    if ((events[i].events & (EPOLLERR | EPOLLHUP)) != 0) what |= CURL_CSELECT_ERR;
    int running = 0;
    curl_multi_socket_action(multi_.get(), socket, what, &running);
  }
}

// In whole milliseconds, rounded up, so that a timer is due when the wait for it ends.
int Transfers::WaitOf(absl::Duration max_wait) const {
  absl::Duration wait = max_wait;
  if (timer_ != kNever) wait = std::min(wait, absl::FromChrono(timer_ - steady_clock::now()));
  wait = std::clamp(wait, absl::ZeroDuration(), absl::Hours(1));
  return static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(wait, absl::Milliseconds(1))));
}

std::vector<Transfers::Finished> Transfers::Collect() {
  std::vector<Finished> finished;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    auto found = under_way_.find(message->easy_handle);
    const std::unique_ptr<Transfer> transfer = std::move(found->second);
    under_way_.erase(found);
    curl_multi_remove_handle(multi_.get(), transfer->easy());
    finished.push_back({transfer->id(), transfer->Result(code)});
    Keep(transfer->TakeEasy());
  }
  return finished;
}

EasyHandle Transfers::TakeEasy() {
  if (idle_.empty()) return EasyHandle(curl_easy_init());
  EasyHandle easy = std::move(idle_.back());
  idle_.pop_back();
  return easy;
}

void Transfers::Keep(EasyHandle easy) {
  if (idle_.size() >= kKeptEasyHandles) return;
  curl_easy_reset(easy.get());
  idle_.push_back(std::move(easy));
}

}  // namespace purser::connectors
