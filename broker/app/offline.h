// What can be asked of a log and of read models with the server down.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/cli/session.h"
#include "broker/events/record.h"

namespace purser {

// Reads and checks every chained stream of a log that no server has open: of a data folder, or at
// a Kafka address (through a copy of its own, which is removed again).
absl::StatusOr<admin::v1::VerifyLogReport> VerifyOffline(const OfflineLog& log);

struct ModelDigest {
  std::string file;  // "directory-0192f0c1-....db"
  StreamPosition position = 0;
  std::string digest;  // SHA-256 in hexadecimal of all it holds
};

// Of each read model in a data folder: equal digests at equal positions mean equal models.
absl::StatusOr<std::vector<ModelDigest>> DigestModels(const std::string& folder);

// Copies the stores of a data folder, whether or not a server runs on it, into the new folder `to`:
// the read models, and then the log (or on Kafka the node's copy of it), which so is never behind
// them. Nothing that makes a node itself: a node of its own may start on it. Each read model as
// DigestModels() names it, without digest. AlreadyExists where `to` is there; NotFound where
// `folder` holds no log.
absl::StatusOr<std::vector<ModelDigest>> CopyStores(const std::string& folder,
                                                    const std::string& to);

// Removes the read models of a data folder; the next start folds them from the log.
// FailedPrecondition where a process holds the folder.
absl::Status RemoveModels(const std::string& folder);

}  // namespace purser
