// What happened when: which record touched what, what is gone, and what requests came to.
#include <utility>

#include "broker/base/status.h"
#include "broker/domain/caseless.h"
#include "broker/projections/directory_reader.h"

namespace purser {
namespace {

using event::v1::ResourceType;

absl::StatusOr<std::vector<StreamPosition>> ReadPositions(Statement& rows) {
  std::vector<StreamPosition> positions;
  while (rows.Next()) positions.push_back(static_cast<StreamPosition>(rows.Int(0)));
  RETURN_IF_ERROR(rows.status());
  return positions;
}

absl::StatusOr<std::optional<Tombstone>> ReadTombstone(Statement& row) {
  if (!row.Next()) {
    RETURN_IF_ERROR(row.status());
    return std::nullopt;
  }
  Tombstone tombstone{std::string(row.Text(0)), static_cast<ResourceType>(row.Int(1)),
                      std::string(row.Text(2)), static_cast<StreamPosition>(row.Int(3))};
  row.Finish();
  RETURN_IF_ERROR(row.status());
  return tombstone;
}

}  // namespace

absl::StatusOr<std::vector<MemberRow>> DirectoryReader::TouchedAt(StreamPosition position) const {
  return ReadMembers(database_->Prepare("SELECT id, type FROM touched WHERE position=? ORDER BY id")
                         .Bind(position));
}

absl::StatusOr<std::vector<MemberRow>> DirectoryReader::TouchedSince(StreamPosition position,
                                                                     StreamPosition last) const {
  return ReadMembers(
      database_->Prepare("SELECT DISTINCT id, type FROM touched WHERE position>? AND position<=?")
          .Bind(position)
          .Bind(last));
}

absl::StatusOr<std::vector<StreamPosition>> DirectoryReader::Timeline(absl::string_view id) const {
  return ReadPositions(
      database_->Prepare("SELECT position FROM touched WHERE id=? ORDER BY position").Bind(id));
}

absl::StatusOr<std::vector<StreamPosition>> DirectoryReader::Completions(
    absl::string_view request_id) const {
  return ReadPositions(
      database_->Prepare("SELECT position FROM completions WHERE request_id=? ORDER BY position")
          .Bind(request_id));
}

absl::StatusOr<StreamPosition> DirectoryReader::LastTouch(absl::string_view id,
                                                          StreamPosition until) const {
  Statement& row = database_
                       ->Prepare(
                           "SELECT position FROM touched WHERE id=? AND position<=?"
                           " ORDER BY position DESC LIMIT 1")
                       .Bind(id)
                       .Bind(until);
  StreamPosition position = 0;
  while (row.Next()) position = static_cast<StreamPosition>(row.Int(0));
  RETURN_IF_ERROR(row.status());
  if (position == 0) return absl::NotFoundError("no record touched it");
  return position;
}

absl::StatusOr<std::optional<Tombstone>> DirectoryReader::FindTombstone(
    absl::string_view id) const {
  return ReadTombstone(
      database_->Prepare("SELECT id, type, name, position FROM tombstones WHERE id=?").Bind(id));
}

absl::StatusOr<std::optional<Tombstone>> DirectoryReader::FindTombstoneByName(
    absl::string_view name) const {
  return ReadTombstone(database_
                           ->Prepare("SELECT id, type, name, position FROM tombstones"
                                     " WHERE name_key=? ORDER BY position DESC LIMIT 1")
                           .Bind(CaselessKey(name)));
}

}  // namespace purser
