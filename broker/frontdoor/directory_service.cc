#include "broker/frontdoor/directory_service.h"

#include <utility>

#include "broker/base/status.h"

namespace purser {

DirectoryService::DirectoryService(const std::string& path, const std::string& id, EventLog* log,
                                   const Clock* clock)
    : id_(id), stream_(StreamId::Directory(id)), log_(log), clock_(clock), readers_(path) {}

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
  const absl::Duration deadline = clock_->SinceBoot() + within;
  log_->CatchUp(stream_, within,
                [this, deadline, done = std::move(done)](absl::StatusOr<Head> head) {
                  if (!head.ok()) {
                    done(head.status());
                  } else if (head->position <= writer_->folded()) {
                    done(absl::OkStatus());
                  } else {
                    writer_->WaitFolded(head->position, deadline, done);
                  }
                });
}

}  // namespace purser
