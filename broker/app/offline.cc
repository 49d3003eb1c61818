#include "broker/app/offline.h"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "broker/admin/log_service.h"
#include "broker/app/kafka_security.h"
#include "broker/base/clock.h"
#include "broker/base/status.h"
#include "broker/eventlog/folder_lock.h"
#include "broker/eventlog/kafka/kafka_event_log.h"
#include "broker/eventlog/sqlite/verify_folder.h"
#include "broker/eventlog/verify.h"
#include "broker/projections/app_projection.h"
#include "broker/projections/control_state.h"
#include "broker/projections/directory_reader.h"
#include "broker/projections/feed_projection.h"

namespace purser {
namespace {

constexpr absl::Duration kOpenWithin = absl::Seconds(60);

// A folder for this command alone.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "purser-XXXXXX").string();
    if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Opens `stream` and reads it to its end. DataLoss is no error here: the walk names the record.
absl::Status OpenWhole(EventLog* log, const StreamId& stream) {
  bool opened = false;
  absl::Status status;
  log->Open(stream, [&](const absl::StatusOr<Head>& head) {
    opened = true;
    status = head.status();
  });
  const absl::Duration until = SystemClock().SinceBoot() + kOpenWithin;
  while (!opened) {
    log->RunOnce(absl::Milliseconds(20));
    if (SystemClock().SinceBoot() > until) {
      return absl::UnavailableError(absl::StrCat(stream.ToString(), " could not be read in time"));
    }
  }
  return absl::IsDataLoss(status) ? absl::OkStatus() : status;
}

absl::StatusOr<std::shared_ptr<const ControlState>> ReadControl(const EventLog& log) {
  ControlProjection control;
  StreamPosition after = 0;
  while (true) {
    ASSIGN_OR_RETURN(const auto records, log.Read(StreamId::Control(), after, 1000, 4 << 20));
    if (records.empty()) break;
    for (const StoredRecord& stored : records) {
      ASSIGN_OR_RETURN(const auto envelope, DecodeRecord(stored.bytes));
      RETURN_IF_ERROR(control.Apply(Record{stored.bytes}, envelope));
      after = stored.position;
    }
  }
  RETURN_IF_ERROR(control.Commit());
  return control.state();
}

absl::StatusOr<admin::v1::VerifyLogReport> VerifyKafka(const OfflineLog& where) {
  ASSIGN_OR_RETURN(const KafkaAddress address,
                   ResolveKafkaAddress(where.address, where.kafka_security));
  const ScratchFolder folder;
  ArbitratedEventLogOptions options;
  options.creates = false;
  ASSIGN_OR_RETURN(const KafkaNode node,
                   OpenKafkaNode(address, folder.path(), SystemClock(), options));
  const std::unique_ptr<ArbitratedEventLog>& log = node.log;
  RETURN_IF_ERROR(OpenWhole(log.get(), StreamId::Control()));
  ASSIGN_OR_RETURN(const auto control, ReadControl(*log));
  std::map<StreamId, std::string> streams = {{StreamId::Control(), ""}};
  for (const auto& [id, entry] : control->directories) {
    streams[StreamId::Directory(id)] = entry.directory.name();
  }
  for (const auto& [id, entry] : control->apps) streams[StreamId::App(id)] = entry.app.name();
  admin::v1::VerifyLogReport report;
  report.set_ok(true);
  for (const auto& [stream, name] : streams) {
    RETURN_IF_ERROR(OpenWhole(log.get(), stream));
    ASSIGN_OR_RETURN(const StreamReport one, VerifyStream(*log, stream));
    admin::v1::StreamReport* told = report.add_streams();
    *told = ToProto(one, name);
    AddTrouble(*log, stream, told);
    report.set_ok(report.ok() && told->ok());
  }
  return report;
}

absl::StatusOr<admin::v1::VerifyLogReport> VerifyEmbedded(const std::string& folder) {
  ASSIGN_OR_RETURN(const FolderReport found, VerifyFolder(folder));
  admin::v1::VerifyLogReport report;
  report.set_ok(found.status().ok());
  for (const StreamReport& stream : found.streams) *report.add_streams() = ToProto(stream, "");
  if (!found.pages.ok()) {
    admin::v1::StreamReport* pages = report.add_streams();
    pages->set_stream("pages");
    pages->set_problem(std::string(found.pages.message()));
    pages->set_remedy("stop purser and restore the log from a backup");
  }
  return report;
}

absl::StatusOr<std::vector<std::string>> ModelFiles(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  std::filesystem::directory_iterator it(folder + "/read", error);
  for (const std::filesystem::directory_iterator end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".db") files.push_back(it->path().string());
  }
  const bool none = error == std::errc::no_such_file_or_directory;
  if (error && !none) return CannotUseFolder(folder, error);
  std::sort(files.begin(), files.end());
  return files;
}

enum class Wanted { kPosition, kDigest };

template <typename Reader>
absl::StatusOr<ModelDigest> ReadModel(const std::string& path, const std::string& name,
                                      Wanted wanted) {
  ASSIGN_OR_RETURN(const auto database, Database::Open(path, {.read_only = true}));
  const Reader reader(database.get());
  ASSIGN_OR_RETURN(const Head head, reader.FoldHead());
  ModelDigest model{name, head.position, ""};
  if (wanted == Wanted::kPosition) return model;
  ASSIGN_OR_RETURN(model.digest, reader.Digest());
  return model;
}

absl::StatusOr<ModelDigest> ReadModel(const std::string& path, Wanted wanted) {
  const std::string name = std::filesystem::path(path).filename();
  if (absl::StartsWith(name, "app-")) return ReadModel<AppReader>(path, name, wanted);
  if (absl::StartsWith(name, "feeds-")) return ReadModel<FeedPlacesReader>(path, name, wanted);
  return ReadModel<DirectoryReader>(path, name, wanted);
}

}  // namespace

absl::StatusOr<admin::v1::VerifyLogReport> VerifyOffline(const OfflineLog& log) {
  return log.data.empty() ? VerifyKafka(log) : VerifyEmbedded(log.data);
}

absl::StatusOr<std::vector<ModelDigest>> DigestModels(const std::string& folder) {
  std::vector<ModelDigest> digests;
  ASSIGN_OR_RETURN(const std::vector<std::string> files, ModelFiles(folder));
  for (const std::string& path : files) {
    ASSIGN_OR_RETURN(ModelDigest digest, ReadModel(path, Wanted::kDigest));
    digests.push_back(std::move(digest));
  }
  if (digests.empty()) {
    return absl::NotFoundError(absl::StrCat(folder, " holds no read models"));
  }
  return digests;
}

namespace {

absl::StatusOr<std::string> LogFileOf(const std::string& folder) {
  for (const char* name : {"log.db", "kafka.db"}) {
    std::error_code unknown;
    if (std::filesystem::exists(absl::StrCat(folder, "/", name), unknown)) return name;
  }
  return absl::NotFoundError(absl::StrCat(folder, " holds no log"));
}

absl::StatusOr<std::vector<ModelDigest>> CopyInto(const std::string& folder,
                                                  const std::string& to) {
  ASSIGN_OR_RETURN(const std::string log, LogFileOf(folder));
  ASSIGN_OR_RETURN(const std::vector<std::string> files, ModelFiles(folder));
  std::error_code error;
  std::filesystem::create_directories(to + "/read", error);
  if (error) return CannotUseFolder(to, error);
  std::vector<ModelDigest> copied;
  for (const std::string& path : files) {
    const std::string copy =
        absl::StrCat(to, "/read/", std::filesystem::path(path).filename().string());
    RETURN_IF_ERROR(CopyDatabase(path, copy));
    ASSIGN_OR_RETURN(ModelDigest model, ReadModel(copy, Wanted::kPosition));
    copied.push_back(std::move(model));
  }
  RETURN_IF_ERROR(CopyDatabase(absl::StrCat(folder, "/", log), absl::StrCat(to, "/", log)));
  return copied;
}

}  // namespace

absl::StatusOr<std::vector<ModelDigest>> CopyStores(const std::string& folder,
                                                    const std::string& to) {
  std::error_code error;
  if (std::filesystem::exists(to, error) && !std::filesystem::is_empty(to, error)) {
    return absl::AlreadyExistsError(absl::StrCat(to, " is there already, and not empty"));
  }
  // Under its own name once it is whole.
  const std::string partial = to + ".partial";
  std::filesystem::remove_all(partial, error);
  auto copied = CopyInto(folder, partial);
  if (copied.ok()) {
    std::filesystem::remove(to, error);
    std::filesystem::rename(partial, to, error);
    if (!error) return copied;
    copied = CannotUseFolder(to, error);
  }
  std::filesystem::remove_all(partial, error);
  return copied;
}

absl::Status RemoveModels(const std::string& folder) {
  ASSIGN_OR_RETURN(const auto lock, FolderLock::Take(folder));
  ASSIGN_OR_RETURN(const std::vector<std::string> files, ModelFiles(folder));
  for (const std::string& path : files) {
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::error_code ignored;
      std::filesystem::remove(path + suffix, ignored);
    }
  }
  return absl::OkStatus();
}

}  // namespace purser
