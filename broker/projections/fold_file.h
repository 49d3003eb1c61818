// What every projection's file has in common: its layout's version, and where its fold stands.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/events/record.h"
#include "broker/events/stream_id.h"
#include "broker/sqlite/database.h"

namespace purser {

// Opens the file of a projection of `stream`, creating it with `schema`. A file of another layout
// or of another stream is deleted and begun anew: a projection can always be rebuilt.
absl::StatusOr<std::unique_ptr<Database>> OpenFoldFile(const std::string& path,
                                                       const StreamId& stream, int layout,
                                                       const std::string& schema, int cache_kib);

// Where the fold in `database` stands; EmptyHead(stream) for a new one.
absl::StatusOr<Head> ReadFoldHead(Database& database, const StreamId& stream);

// The transaction that changes the state: to its end the fold stands at `head`, or nothing changed.
// After an error of CommitFold() it is still to be rolled back.
absl::Status BeginFold(Database& database);
absl::Status CommitFold(Database& database, const Head& head);
void RollbackFold(Database& database);

// SHA-256, in hexadecimal, of all rows of `tables` in the order of their keys: equal on every node
// at the same position, and after a rebuild.
absl::StatusOr<std::string> DigestTables(Database& database,
                                         const std::vector<std::string>& queries);

// Microseconds since the epoch, as times are stored.
int64_t ToStored(absl::Time time);
absl::Time FromStored(int64_t micros);

}  // namespace purser
