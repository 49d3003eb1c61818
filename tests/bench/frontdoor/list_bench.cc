// bench_lists: what pages of a large directory cost, near and deep, sorted and by cursor. One
// thread, no sockets.
//
//   bench_frontdoor FOLDER 1000000   makes the directory
//   bench_lists FOLDER [COUNT]       asks for pages of COUNT users, 100 where it is not given
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "broker/eventlog/sqlite/sqlite_event_log.h"
#include "broker/frontdoor/scim_endpoints.h"
#include "nlohmann/json.hpp"

namespace purser {
namespace {

constexpr char kSecret[] = "a-secret-of-the-benchmark-000000000000000";

class Directory {
 public:
  explicit Directory(const std::string& folder) {
    log_ = *SqliteEventLog::Create({.folder = folder});
    log_->SetListener([this](const StreamId&) { directory_->writer().NewRecords(); });
    log_->Open(StreamId::Directory("front"), [](const absl::StatusOr<Head>&) {});
    log_->RunOnce(absl::ZeroDuration());
    directory_ = *DirectoryService::Open(
        folder + "/front.db", "front", log_.get(), &SystemClock(), [](auto work) { work(); },
        [this] { log_->Wake(); });
    auth::Tokens tokens;
    *tokens.Add() = auth::TokenOf(kSecret, "t1", auth::Role::kScim, absl::InfiniteFuture());
    tokens_.Put("front", tokens);
    endpoints_ = std::make_unique<ScimEndpoints>(
        ScimEndpoints::Options{&tokens_, &SystemClock(), &RandomIdSource()});
  }

  using Query = std::vector<std::pair<std::string, std::string>>;

  std::string List(const Query& query) {
    http::Request request;
    request.method = "GET";
    request.path = "/scim/v2/Users";
    request.query = query;
    request.headers = {{"Authorization", absl::StrCat("Bearer ", kSecret)}};
    request.scheme = "http";
    request.host = "localhost";
    std::optional<std::string> body;
    endpoints_->Handle(std::move(request),
                       [&body](http::Response response) { body = response.body; }, directory_.get(),
                       "/scim/v2", {});
    while (!body) {
      directory_->writer().RunOnce();
      log_->RunOnce(absl::ZeroDuration());
    }
    return *body;
  }

 private:
  std::unique_ptr<SqliteEventLog> log_;
  std::unique_ptr<DirectoryService> directory_;
  auth::TokenTable tokens_;
  std::unique_ptr<ScimEndpoints> endpoints_;
};

double Milliseconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

// The median of three, so that what is read is in the cache.
void Measure(Directory* directory, const char* what, const Directory::Query& query) {
  std::vector<double> times;
  std::string body;
  for (int i = 0; i < 3; ++i) {
    times.push_back(Milliseconds([&] { body = directory->List(query); }));
  }
  std::sort(times.begin(), times.end());
  const auto page = nlohmann::json::parse(body, nullptr, false);
  std::printf("%-44s %10.2f ms, %s of %s\n", what, times[1],
              page.value("itemsPerPage", nlohmann::json()).dump().c_str(),
              page.value("totalResults", nlohmann::json()).dump().c_str());
}

void MeasureSeries(Directory* directory, const char* what, Directory::Query query) {
  std::string cursor;
  std::vector<double> times;
  do {
    query.front() = {"cursor", cursor};
    std::string body;
    times.push_back(Milliseconds([&] { body = directory->List(query); }));
    cursor = nlohmann::json::parse(body, nullptr, false).value("nextCursor", "");
  } while (!cursor.empty());
  const double first = times.front();
  const double second = times.size() > 1 ? times[1] : 0;
  const double last = times[times.size() - std::min<size_t>(times.size(), 2)];
  double total = 0;
  for (const double time : times) total += time;
  std::printf("%-44s %10.2f ms first page, %.2f second, %.2f last but one, %.0f all %zu\n", what,
              first, second, last, total, times.size());
}

int Main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_lists FOLDER [COUNT]\n");
    return 2;
  }
  Directory directory(absl::StrCat(argv[1], "/front"));
  const std::string count = argc > 2 ? argv[2] : "100";
  Measure(&directory, "page 1", {{"count", count}});
  Measure(&directory, "startIndex 500,000", {{"count", count}, {"startIndex", "500000"}});
  Measure(&directory, "startIndex 900,000", {{"count", count}, {"startIndex", "900000"}});
  Measure(&directory, "by userName, page 1", {{"count", count}, {"sortBy", "userName"}});
  Measure(&directory, "by userName, startIndex 900,000",
          {{"count", count}, {"sortBy", "userName"}, {"startIndex", "900000"}});
  Measure(&directory, "by name.familyName, page 1",
          {{"count", count}, {"sortBy", "name.familyName"}});
  Measure(&directory, "by name.familyName, startIndex 900,000",
          {{"count", count}, {"sortBy", "name.familyName"}, {"startIndex", "900000"}});
  Measure(&directory, "userName co \"99\", page 1",
          {{"count", count}, {"filter", "userName co \"99\""}});
  MeasureSeries(&directory, "by cursor", {{}, {"count", "1000"}});
  MeasureSeries(&directory, "by cursor, by userName",
                {{}, {"count", "1000"}, {"sortBy", "userName"}, {"sortOrder", "descending"}});
  MeasureSeries(&directory, "by cursor, by name.familyName",
                {{}, {"count", "1000"}, {"sortBy", "name.familyName"}});
  return 0;
}

}  // namespace
}  // namespace purser

int main(int argc, char** argv) { return purser::Main(argc, argv); }
