// One process a data folder.
#pragma once

#include <memory>
#include <string>
#include <system_error>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace purser {

// Why the data folder cannot be used, and what to do about it; FailedPrecondition.
absl::Status CannotUseFolder(const std::string& folder, const std::error_code& why);

// Holds `folder` for this process as long as it lives; the system lets go of it when the process
// ends, however it ends.
class FolderLock {
 public:
  // Takes the folder, creating it (readable by its owner alone) where absent. FailedPrecondition,
  // naming the folder, where another holds it.
  static absl::StatusOr<std::unique_ptr<FolderLock>> Take(const std::string& folder);

  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  explicit FolderLock(int file) : file_(file) {}

  const int file_;
};

}  // namespace purser
