#include "broker/eventlog/sqlite/unchained_log.h"

#include <filesystem>
#include <optional>

#include "absl/strings/str_cat.h"
#include "broker/base/log.h"
#include "broker/base/status.h"

namespace purser {
namespace {

// Old records are deleted this many at a time.
constexpr StreamPosition kTrimEvery = 256;

constexpr RecordStoreOptions kStoreOptions{
    .synchronous = Synchronous::kNormal, .cache_kib = 2048, .readers = 2};

void PutAside(const std::string& path) {
  std::error_code error;
  std::filesystem::rename(path, path + ".damaged", error);
  for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(path + suffix, error);
}

}  // namespace

absl::StatusOr<std::unique_ptr<UnchainedLog>> UnchainedLog::Open(const std::string& path,
                                                                 const Bounds& bounds) {
  auto store = RecordStore::Open(path, kStoreOptions);
  if (absl::IsDataLoss(store.status())) {
    LogError("the exchanges' file is damaged; a new one is begun",
             {{"file", path}, {"why", store.status().message()}});
    PutAside(path);
    store = RecordStore::Open(path, kStoreOptions);
  }
  RETURN_IF_ERROR(store.status());
  return std::unique_ptr<UnchainedLog>(new UnchainedLog(*std::move(store), bounds));
}

absl::Status UnchainedLog::AddStream(const StreamId& stream) { return store_->AddStream(stream); }

bool UnchainedLog::Append(const StreamId& stream, std::string bytes) {
  MutexLock lock(&mutex_);
  if (queued_bytes_ + bytes.size() > bounds_.max_queued_bytes) {
    ++dropped_;
    return false;
  }
  queued_bytes_ += bytes.size();
  queued_.emplace_back(stream, std::move(bytes));
  return true;
}

bool UnchainedLog::HasQueued() const {
  MutexLock lock(&mutex_);
  return !queued_.empty();
}

std::vector<StreamId> UnchainedLog::Flush() {
  std::vector<std::pair<StreamId, std::string>> queued;
  {
    MutexLock lock(&mutex_);
    queued.swap(queued_);
    queued_bytes_ = 0;
  }
  if (queued.empty()) return {};
  std::vector<StreamId> grown;
  const absl::Status status = Write(queued, &grown);
  Count(status, queued.size());
  return status.ok() ? grown : std::vector<StreamId>();
}

// Said once when it begins and once when it is over.
void UnchainedLog::Count(const absl::Status& written, size_t records) {
  MutexLock lock(&mutex_);
  if (!written.ok()) {
    if (dropped_in_a_row_ == 0) {
      LogWarning("exchanges are dropped", {{"why", written.message()}});
    }
    dropped_ += records;
    dropped_in_a_row_ += records;
  } else if (dropped_in_a_row_ > 0) {
    LogInfo("exchanges are kept again", {{"dropped", dropped_in_a_row_}});
    dropped_in_a_row_ = 0;
  }
}

absl::StatusOr<StreamPosition> UnchainedLog::End(const StreamId& stream) const {
  ASSIGN_OR_RETURN(const std::optional<StoredRecord> last, store_->Last(stream));
  return last.has_value() ? last->position : 0;
}

uint64_t UnchainedLog::dropped() const {
  MutexLock lock(&mutex_);
  return dropped_;
}

absl::StatusOr<StreamPosition> UnchainedLog::NextPosition(const StreamId& stream) {
  auto found = ends_.find(stream);
  if (found == ends_.end()) {
    RETURN_IF_ERROR(store_->AddStream(stream));
    ASSIGN_OR_RETURN(const StreamPosition end, End(stream));
    found = ends_.emplace(stream, end).first;
  }
  return found->second + 1;
}

absl::Status UnchainedLog::Write(const std::vector<std::pair<StreamId, std::string>>& queued,
                                 std::vector<StreamId>* grown) {
  RecordBatch batch;
  absl::flat_hash_map<StreamId, StreamPosition> ends;
  for (const auto& [stream, bytes] : queued) {
    auto [end, is_new] = ends.try_emplace(stream, 0);
    if (is_new) {
      ASSIGN_OR_RETURN(end->second, NextPosition(stream));
      grown->push_back(stream);
    } else {
      ++end->second;
    }
    batch.records.push_back({stream, end->second, bytes});
  }
  RETURN_IF_ERROR(store_->Write(batch));
  for (const auto& [stream, end] : ends) {
    if (end / kTrimEvery != ends_[stream] / kTrimEvery) Trim(stream);
    ends_[stream] = end;
  }
  return absl::OkStatus();
}

void UnchainedLog::Trim(const StreamId& stream) {
  const absl::Status trimmed = store_->Trim(stream, bounds_.kept, bounds_.bytes_kept);
  if (!trimmed.ok()) {
    LogWarning("old exchanges were not deleted",
               {{"stream", stream.ToString()}, {"why", trimmed.message()}});
  }
}

}  // namespace purser
