#include "broker/eventlog/sqlite/verify_folder.h"

#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/eventlog/folder_lock.h"
#include "broker/eventlog/record_store.h"
#include "broker/eventlog/sqlite/chain_mark.h"

namespace purser {
namespace {

// A whole chain that is another than the one the log was stopped with.
absl::Status CheckMark(const RecordStore& store, const Head& mark, StreamReport* report) {
  if (report->bad.has_value() || mark.position == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto run, store.Read(report->stream, mark.position - 1, 1, 1));
  if (!run.empty() && Record{run[0].bytes}.self() == mark.self) return absl::OkStatus();
  report->bad = BadRecord{
      .position = mark.position,
      .what = absl::StrCat("stream ", report->stream.ToString(), ", position ", mark.position,
                           ": it is another record than the one that was marked"),
      .remedy = "the log was replaced by another: restore the one that belongs to this folder"};
  return absl::OkStatus();
}

absl::StatusOr<StreamReport> VerifyOne(const RecordStore& store, const StreamId& stream,
                                       const VerifyProgress& progress) {
  ASSIGN_OR_RETURN(const Head mark, ReadMark(store, stream));
  ASSIGN_OR_RETURN(StreamReport report,
                   VerifyStream(
                       stream, mark.position,
                       [&](StreamPosition after, size_t max_records, size_t max_bytes) {
                         return store.Read(stream, after, max_records, max_bytes);
                       },
                       progress));
  RETURN_IF_ERROR(CheckMark(store, mark, &report));
  return report;
}

}  // namespace

absl::Status FolderReport::status() const {
  for (const StreamReport& stream : streams) {
    if (stream.bad.has_value()) return absl::DataLossError(stream.bad->what);
  }
  return pages;
}

absl::StatusOr<FolderReport> VerifyFolder(const std::string& folder,
                                          const VerifyProgress& progress) {
  const std::string path = folder + "/log.db";
  std::error_code error;
  const bool present = std::filesystem::exists(path, error);
  if (error) return CannotUseFolder(folder, error);
  if (!present) {
    return absl::NotFoundError(absl::StrCat("data folder ", folder, " holds no log"));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<FolderLock> lock, FolderLock::Take(folder));
  ASSIGN_OR_RETURN(const std::unique_ptr<RecordStore> store, RecordStore::Open(path));
  FolderReport report;
  for (const StreamId& stream : store->Streams()) {
    // A log that comes from Kafka holds unchained streams too.
    if (!stream.chained()) continue;
    ASSIGN_OR_RETURN(StreamReport walked, VerifyOne(*store, stream, progress));
    report.streams.push_back(std::move(walked));
  }
  report.pages = store->VerifyPages();
  return report;
}

}  // namespace purser
