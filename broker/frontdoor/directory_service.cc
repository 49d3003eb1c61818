#include "broker/frontdoor/directory_service.h"

#include <limits>
#include <utility>

#include "broker/base/status.h"

namespace purser {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::min();

}  // namespace

DirectoryService::DirectoryService(const std::string& path, const std::string& id, EventLog* log,
                                   const Clock* clock)
    : id_(id),
      stream_(StreamId::Directory(id)),
      log_(log),
      clock_(clock),
      readers_(path),
      series_({.clock = clock}),
      current_at_(kNever) {}

absl::StatusOr<std::unique_ptr<DirectoryService>> DirectoryService::Open(
    const std::string& path, const std::string& id, EventLog* log, const Clock* clock,
    StreamWriter::Post post, std::function<void()> wake) {
  auto service = std::unique_ptr<DirectoryService>(new DirectoryService(path, id, log, clock));
  ASSIGN_OR_RETURN(service->projection_, DirectoryProjection::Open(path, service->stream_));
  service->writer_ = std::make_unique<StreamWriter>(
      log, service->stream_, service->projection_.get(), clock, std::move(post), std::move(wake));
  return service;
}

void DirectoryService::WhenCurrent(absl::Duration within, std::function<void(absl::Status)> done) {
  const absl::Duration asked = clock_->SinceBoot();
  auto settle = [this, asked, done = std::move(done)](const absl::Status& status) {
    if (status.ok()) NoteCurrent(asked);
    done(status);
  };
  log_->CatchUp(stream_, within,
                [this, deadline = asked + within,
                 settle = std::move(settle)](const absl::StatusOr<Head>& head) {
                  if (!head.ok()) {
                    settle(head.status());
                  } else if (head->position <= writer_->folded()) {
                    settle(absl::OkStatus());
                  } else {
                    writer_->WaitFolded(head->position, deadline, settle);
                  }
                });
}

void DirectoryService::NoteCurrent(absl::Duration asked) {
  const int64_t at = absl::ToInt64Nanoseconds(asked);
  int64_t before = current_at_.load(std::memory_order_relaxed);
  while (before < at && !current_at_.compare_exchange_weak(before, at)) {
  }
}

absl::Duration DirectoryService::SinceCurrent() const {
  const int64_t at = current_at_.load(std::memory_order_relaxed);
  return at == kNever ? absl::InfiniteDuration() : clock_->SinceBoot() - absl::Nanoseconds(at);
}

}  // namespace purser
