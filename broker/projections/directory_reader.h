// Questions about a directory, answered from the fold of its stream.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/commands/directory_state.h"
#include "broker/events/record.h"
#include "broker/projections/member_row.h"
#include "broker/projections/readers.h"
#include "broker/sqlite/database.h"

namespace purser {

struct GroupRow {
  std::string id;
  std::string display_name;
  bool direct = true;
};

// A resource that is gone.
struct Tombstone {
  std::string id;
  event::v1::ResourceType type = event::v1::USER;
  std::string name;  // userName or displayName at the end
  StreamPosition position = 0;
};

// Attributes with an index: equality on them does not slow down as the directory grows.
enum class IndexedAttribute { kId, kUserName, kExternalId, kDisplayName, kEmail };

// A resource's place in the order of creation, which users and groups share: from 1 on, with gaps.
using ResourceRow = int64_t;

struct PlacedResource {
  ResourceRow row = 0;
  Resource resource;
};

// A resource whose attributes are not parsed: their text is all that an answer needs.
struct StoredResource {
  Resource resource;  // without attributes
  std::string attributes;
};

// Lists whose order an index holds: all of a type by creation, users by CaselessKey(userName), or
// the members of a group that has users alone, by their ids.
struct RowList {
  enum Kind { kUsers, kGroups, kByUserName, kByUserNameDescending, kMembers };

  RowList(Kind its_kind, absl::string_view its_group = "")  // NOLINT: a kind is a list
      : kind(its_kind), group_id(its_group) {}

  Kind kind;
  std::string group_id;  // of kMembers
};

// Reads one connection's view: that of the writer inside its transaction, or the last commit.
// One thread at a time. Not an owner: the database outlives it.
class DirectoryReader : public DirectoryState {
 public:
  explicit DirectoryReader(Database* database) : database_(database) {}

  absl::StatusOr<std::optional<Resource>> Find(event::v1::ResourceType type,
                                               absl::string_view id) const override;
  absl::StatusOr<std::optional<event::v1::ResourceType>> TypeOf(
      absl::string_view id) const override;
  absl::StatusOr<std::optional<std::string>> UserIdByUserName(
      absl::string_view user_name) const override;
  absl::StatusOr<bool> HasMember(absl::string_view group_id,
                                 absl::string_view member_id) const override;
  absl::Status ForEachMember(
      absl::string_view group_id,
      const std::function<bool(const std::string& id, event::v1::ResourceType type)>& visit)
      const override;
  absl::StatusOr<uint64_t> MemberCount(absl::string_view group_id) const override;

  // Position, hash and time up to which the fold has come.
  absl::StatusOr<Head> FoldHead() const;

  // Ids whose indexed attribute equals `value` (by CaselessKey, but id and externalId exactly), in
  // the order of creation.
  absl::StatusOr<std::vector<std::string>> FindIndexed(event::v1::ResourceType type,
                                                       IndexedAttribute attribute,
                                                       absl::string_view value) const;
  // The rows of the same.
  absl::StatusOr<std::vector<ResourceRow>> FindIndexedRows(event::v1::ResourceType type,
                                                           IndexedAttribute attribute,
                                                           absl::string_view value) const;
  absl::StatusOr<uint64_t> Count(event::v1::ResourceType type) const;

  // All resources of one type in the order of creation, until `visit` returns an error. Of what
  // stands at the top of their attributes they hold what has one of these names, and no more.
  absl::Status Scan(event::v1::ResourceType type, std::vector<std::string> names,
                    const std::function<absl::Status(PlacedResource)>& visit) const;
  // CaselessKey(userName) of every user, in no order that matters, until `visit` returns an error.
  // Reads an index alone, some twentieth of what Scan() does.
  absl::Status ScanUserNames(
      const std::function<absl::Status(ResourceRow row, absl::string_view key)>& visit) const;
  // Nothing where there is no such resource.
  absl::StatusOr<std::optional<ResourceRow>> FindRow(event::v1::ResourceType type,
                                                     absl::string_view id) const;
  // NotFound where the row is empty.
  absl::StatusOr<Resource> ResourceAt(ResourceRow row) const;
  // The same as Find() and ResourceAt().
  absl::StatusOr<std::optional<StoredResource>> FindStored(event::v1::ResourceType type,
                                                           absl::string_view id) const;
  absl::StatusOr<StoredResource> StoredAt(ResourceRow row) const;

  absl::StatusOr<uint64_t> RowCount(const RowList& list) const;
  // The first `count` rows of a list behind `after` (0: from its beginning), one of that list.
  absl::StatusOr<std::vector<ResourceRow>> RowsAfter(const RowList& list, ResourceRow after,
                                                     uint64_t count) const;
  // The `number`-th row of a list, counted from 1; 0 for 0, and beyond its end.
  absl::StatusOr<ResourceRow> RowNumber(const RowList& list, uint64_t number) const;

  // The groups that hold `id`, directly or through other groups.
  absl::StatusOr<std::vector<GroupRow>> GroupsOf(absl::string_view id) const;
  // The groups that hold `id` directly.
  absl::StatusOr<std::vector<std::string>> DirectGroupsOf(absl::string_view id) const;
  // Users whose manager is `id`.
  absl::StatusOr<std::vector<std::string>> ReportsOf(absl::string_view id) const;
  // The users that a group holds, directly or through other groups, once each.
  absl::StatusOr<std::vector<std::string>> UsersWithin(absl::string_view group_id) const;
  absl::StatusOr<bool> HoldsGroups(absl::string_view group_id) const;
  // True where `group_id` is, or holds through groups, `id`.
  absl::StatusOr<bool> IsWithin(absl::string_view id, absl::string_view group_id) const;

  // Ids touched by the record at `position`: what it names and what follows from it.
  absl::StatusOr<std::vector<MemberRow>> TouchedAt(StreamPosition position) const;
  // Positions of the records that touched `id`, in order.
  absl::StatusOr<std::vector<StreamPosition>> Timeline(absl::string_view id) const;
  // The latest of these that is not after `until`; NotFound where there is none.
  absl::StatusOr<StreamPosition> LastTouch(absl::string_view id, StreamPosition until) const;
  // Every id touched after `position`, up to and with `last`, once.
  absl::StatusOr<std::vector<MemberRow>> TouchedSince(StreamPosition position,
                                                      StreamPosition last = kLastPosition) const;
  // Live ids of one type, in the order of creation.
  absl::StatusOr<std::vector<std::string>> AllIds(event::v1::ResourceType type) const;

  // Where the log says what an asynchronous request came to, operation by operation.
  absl::StatusOr<std::vector<StreamPosition>> Completions(absl::string_view request_id) const;

  absl::StatusOr<std::optional<Tombstone>> FindTombstone(absl::string_view id) const;
  // The latest dead user or group of that name.
  absl::StatusOr<std::optional<Tombstone>> FindTombstoneByName(absl::string_view name) const;

  // See DigestTables().
  absl::StatusOr<std::string> Digest() const;

 private:
  Database* database_;
};

using DirectoryReaders = Readers<DirectoryReader>;

}  // namespace purser
