#include "tests/bench/http/load_generator.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <memory>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "broker/base/status.h"

namespace purser::bench {
namespace {

constexpr char kPlace[] = "{n}";
constexpr absl::Duration kDrain = absl::Minutes(1);
constexpr absl::string_view kDigits = "000000000";

int64_t NowUs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000 + now.tv_nsec / 1000;
}

absl::Duration ThreadCpu() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return absl::DurationFromTimespec(used);
}

// The bytes of a request, and where its number stands in them.
struct RequestTemplate {
  std::string bytes;
  std::vector<size_t> places;

  // The same length for every number, so that the bytes are changed in place.
  static void SetNumber(uint64_t number, const std::vector<size_t>& places, std::string* bytes) {
    std::array<char, 9> digits;
    for (size_t i = digits.size(); i > 0; --i, number /= 10) {
      digits[i - 1] = static_cast<char>('0' + number % 10);
    }
    for (const size_t place : places) std::memcpy(&(*bytes)[place], digits.data(), digits.size());
  }
};

RequestTemplate MakeTemplate(const LoadOptions& options, const std::string& path) {
  const size_t body_size = absl::StrReplaceAll(options.body, {{kPlace, kDigits}}).size();
  std::string text = absl::StrCat(options.method, " ", path, " HTTP/1.1\r\nHost: ", options.host,
                                  ":", options.port, "\r\n");
  for (const auto& [name, value] : options.headers) {
    absl::StrAppend(&text, name, ": ", value, "\r\n");
  }
  if (!options.body.empty()) absl::StrAppend(&text, "Content-Length: ", body_size, "\r\n");
  absl::StrAppend(&text, "\r\n", options.body);
  RequestTemplate request;
  size_t begin = 0;
  for (size_t at; (at = text.find(kPlace, begin)) != std::string::npos;
       begin = at + std::strlen(kPlace)) {
    request.bytes.append(text, begin, at - begin);
    request.places.push_back(request.bytes.size());
    absl::StrAppend(&request.bytes, kDigits);
  }
  request.bytes.append(text, begin);
  return request;
}

std::vector<RequestTemplate> MakeTemplates(const LoadOptions& options) {
  if (options.paths.empty()) return {MakeTemplate(options, options.path)};
  std::vector<RequestTemplate> requests;
  for (const std::string& path : options.paths) requests.push_back(MakeTemplate(options, path));
  return requests;
}

// The value of a header; empty where it is not there.
absl::string_view FindHeader(absl::string_view head, absl::string_view name) {
  for (const absl::string_view line : absl::StrSplit(head, "\r\n")) {
    if (line.size() > name.size() && line[name.size()] == ':' &&
        absl::StartsWithIgnoreCase(line, name)) {
      return absl::StripAsciiWhitespace(line.substr(name.size() + 1));
    }
  }
  return {};
}

// Size of the response at the front of `bytes` and its status; 0 where it is not all there yet.
std::pair<size_t, int> FindResponse(absl::string_view bytes) {
  const size_t head = bytes.find("\r\n\r\n");
  if (head == absl::string_view::npos) return {0, 0};
  int status = 0;
  std::from_chars(bytes.data() + std::min<size_t>(9, head), bytes.data() + head, status);
  if (absl::EqualsIgnoreCase(FindHeader(bytes.substr(0, head), "transfer-encoding"), "chunked")) {
    // Nothing else is under way on this connection: the last chunk ends what is there.
    const bool whole = absl::EndsWith(bytes, "\r\n0\r\n\r\n");
    return whole ? std::pair{bytes.size(), status} : std::pair<size_t, int>{0, 0};
  }
  const absl::string_view digits = FindHeader(bytes.substr(0, head), "content-length");
  size_t length = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), length);
  const size_t size = head + 4 + length;
  return bytes.size() < size ? std::pair<size_t, int>{0, 0} : std::pair{size, status};
}

// What the generator's threads share.
struct Run {
  const LoadOptions& options;
  const std::vector<RequestTemplate> requests;  // each in its turn
  sockaddr_in address{};
  std::atomic<uint64_t> taken = 0;
  std::atomic<bool> refused = false;

  // The next request's number; 0 when all are taken.
  uint64_t Take() {
    const uint64_t n = taken.fetch_add(1, std::memory_order_relaxed);
    return n < options.requests ? options.first_number + n : 0;
  }
};

// One thread's connections.
class Worker {
 public:
  Worker(Run* run, int connections) : run_(run), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    for (int i = 0; i < connections; ++i) {
      clients_.push_back(std::make_unique<Client>());
    }
  }
  ~Worker() {
    for (const auto& client : clients_) {
      if (client->socket >= 0) ::close(client->socket);
    }
    ::close(epoll_);
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  LoadResult Work() {
    const int64_t begin = NowUs();
    const absl::Duration cpu = ThreadCpu();
    end_us_ = begin + absl::ToInt64Microseconds(run_->options.time_limit);
    const int64_t patience = end_us_ + absl::ToInt64Microseconds(kDrain);
    for (const auto& client : clients_) Next(client.get());
    std::array<epoll_event, 128> events;
    while (busy_ > 0 && NowUs() < patience && !run_->refused) {
      const int count = ::epoll_wait(epoll_, events.data(), events.size(), 100);
      for (int i = 0; i < count; ++i) Serve(static_cast<Client*>(events[i].data.ptr), events[i]);
    }
    result_.elapsed = absl::Microseconds(NowUs() - begin);
    result_.generator_cpu = ThreadCpu() - cpu;
    return std::move(result_);
  }

 private:
  struct Client {
    int socket = -1;
    bool waits_to_write = false;
    std::string request;
    size_t sent = 0;
    std::string received;
    int64_t began_us = 0;
  };

  bool Connect(Client* client) {
    client->socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto* const address = reinterpret_cast<const sockaddr*>(&run_->address);
    if (::connect(client->socket, address, sizeof(run_->address)) != 0) {
      ::close(client->socket);
      client->socket = -1;
      run_->refused = true;
      return false;
    }
    const int on = 1;
    ::setsockopt(client->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    epoll_event event{.events = EPOLLIN, .data = {.ptr = client}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, client->socket, &event);
    client->waits_to_write = false;
    return true;
  }

  // Sends the client's next request, if there is one.
  void Next(Client* client) {
    if (NowUs() >= end_us_) return;
    const uint64_t number = run_->Take();
    if (number == 0 || (client->socket < 0 && !Connect(client))) return;
    const RequestTemplate& next = run_->requests[number % run_->requests.size()];
    client->request = next.bytes;
    RequestTemplate::SetNumber(number, next.places, &client->request);
    client->sent = 0;
    client->received.clear();
    client->began_us = NowUs();
    ++busy_;
    Write(client);
  }

  void Write(Client* client) {
    while (client->sent < client->request.size()) {
      const ssize_t bytes =
          ::send(client->socket, client->request.data() + client->sent,
                 client->request.size() - client->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (bytes < 0) break;
      client->sent += static_cast<size_t>(bytes);
    }
    const bool waits = client->sent < client->request.size();
    if (waits == client->waits_to_write) return;
    client->waits_to_write = waits;
    epoll_event event{.events = waits ? EPOLLIN | EPOLLOUT : EPOLLIN, .data = {.ptr = client}};
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, client->socket, &event);
  }

  void Serve(Client* client, const epoll_event& event) {
    if ((event.events & EPOLLOUT) != 0) Write(client);
    if ((event.events & (EPOLLIN | EPOLLERR | EPOLLHUP)) == 0) return;
    const ssize_t bytes = ::recv(client->socket, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (bytes < 0 && errno == EAGAIN) return;
    if (bytes <= 0) return Lose(client);
    client->received.append(buffer_.data(), static_cast<size_t>(bytes));
    const auto [size, status] = FindResponse(client->received);
    if (size == 0) return;
    --busy_;
    ++result_.statuses[status];
    result_.latencies_us.push_back(static_cast<uint32_t>(NowUs() - client->began_us));
    Next(client);
  }

  void Lose(Client* client) {
    ::close(client->socket);
    client->socket = -1;
    --busy_;
    ++result_.lost;
    Next(client);
  }

  Run* const run_;
  const int epoll_;
  std::vector<std::unique_ptr<Client>> clients_;
  int busy_ = 0;
  int64_t end_us_ = 0;  // no request is begun after it
  LoadResult result_;
  std::array<char, 64 << 10> buffer_;
};

}  // namespace

absl::StatusOr<LoadResult> RunLoad(const LoadOptions& options) {
  Run run{.options = options, .requests = MakeTemplates(options)};
  run.address.sin_family = AF_INET;
  run.address.sin_port = htons(static_cast<uint16_t>(options.port));
  if (inet_pton(AF_INET, options.host.c_str(), &run.address.sin_addr) != 1) {
    return absl::InvalidArgumentError(absl::StrCat(options.host, " is no IPv4 address"));
  }
  const int threads = std::clamp(options.threads, 1, std::max(options.connections, 1));
  std::vector<LoadResult> results(threads);
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    const int connections = options.connections / threads + (i < options.connections % threads);
    running.emplace_back([&run, &results, i, connections] {
      results[i] = std::make_unique<Worker>(&run, connections)->Work();
    });
  }
  for (std::thread& thread : running) thread.join();
  if (run.refused) {
    return absl::UnavailableError(
        absl::StrCat("connect to ", options.host, ":", options.port, ": refused"));
  }
  LoadResult total;
  for (const LoadResult& result : results) total.Add(result);
  return total;
}

std::string ScimUserTemplate() {
  return R"({"schemas":["urn:ietf:params:scim:schemas:core:2.0:User",)"
         R"("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],)"
         R"("externalId":"ext-{n}","userName":"load.{n}@bench.example",)"
         R"("name":{"formatted":"Load {n}","familyName":"Number {n}","givenName":"Load"},)"
         R"("displayName":"Load {n}","title":"Bench worker","userType":"Employee",)"
         R"("preferredLanguage":"en-GB","locale":"en-GB","timezone":"Europe/Stockholm",)"
         R"("active":true,"emails":[{"value":"load.{n}@bench.example","type":"work",)"
         R"("primary":true},{"value":"home.{n}@bench.example","type":"home"}],)"
         R"("phoneNumbers":[{"value":"+46{n}","type":"work"}],)"
         R"("addresses":[{"type":"work","streetAddress":"{n} Bench Street",)"
         R"("locality":"Stockholm","region":"Stockholm","postalCode":"111 22","country":"SE"}],)"
         R"("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":)"
         R"({"employeeNumber":"{n}","costCenter":"4130","organization":"Bench",)"
         R"("division":"Load","department":"Throughput"}})";
}

}  // namespace purser::bench
