#include "broker/eventlog/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"

namespace purser {
namespace {

absl::Status CreateFolder(const std::string& folder) {
  std::error_code error;
  const bool created = std::filesystem::create_directories(folder, error);
  if (created) {
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  }
  if (!error) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("create data folder ", folder, ": ", error.message()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<FolderLock>> FolderLock::Take(const std::string& folder) {
  RETURN_IF_ERROR(CreateFolder(folder));
  const std::string path = absl::StrCat(folder, "/lock");
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("open data folder ", folder, ": ", std::strerror(errno)));
  }
  std::unique_ptr<FolderLock> lock(new FolderLock(file));
  if (flock(file, LOCK_EX | LOCK_NB) == 0) return lock;
  return absl::FailedPreconditionError(
      absl::StrCat("data folder ", folder,
                   " is in use by another purser: stop that one, or name "
                   "another folder"));
}

FolderLock::~FolderLock() { close(file_); }

}  // namespace purser
