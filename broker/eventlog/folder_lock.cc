#include "broker/eventlog/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
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
  return error ? CannotUseFolder(folder, error) : absl::OkStatus();
}

}  // namespace

absl::Status CannotUseFolder(const std::string& folder, const std::error_code& why) {
  const bool denied = why == std::errc::permission_denied;
  return absl::FailedPreconditionError(absl::StrCat(
      "the data folder ", folder, " cannot be used: ", why.message(), ": ",
      denied ? absl::StrCat("give it, and all that is in it, to the user that purser runs as (uid ",
                            geteuid(), "), or name another folder")
             : "put that right, or name another folder"));
}

absl::StatusOr<std::unique_ptr<FolderLock>> FolderLock::Take(const std::string& folder) {
  RETURN_IF_ERROR(CreateFolder(folder));
  const std::string path = absl::StrCat(folder, "/lock");
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return CannotUseFolder(folder, std::error_code(errno, std::generic_category()));
  std::unique_ptr<FolderLock> lock(new FolderLock(file));
  if (flock(file, LOCK_EX | LOCK_NB) == 0) return lock;
  return absl::FailedPreconditionError(
      absl::StrCat("data folder ", folder,
                   " is in use by another purser: stop that one, or name "
                   "another folder"));
}

FolderLock::~FolderLock() { close(file_); }

}  // namespace purser
