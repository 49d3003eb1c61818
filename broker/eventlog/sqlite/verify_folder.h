// `purser log verify --data DIR`: the embedded log read by itself, the server down.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/eventlog/verify.h"

namespace purser {

struct FolderReport {
  absl::Status pages;  // DataLoss with what SQLite's check found first
  std::vector<StreamReport> streams;

  // OK, or what is wrong first: a stream before the pages.
  absl::Status status() const;
};

// Walks every chained stream of the log in `folder` and checks its pages. NotFound where there is
// no log, FailedPrecondition where a process holds the folder or the log is of a newer format,
// DataLoss where log.db cannot be read at all.
absl::StatusOr<FolderReport> VerifyFolder(const std::string& folder,
                                          const VerifyProgress& progress = nullptr);

}  // namespace purser
