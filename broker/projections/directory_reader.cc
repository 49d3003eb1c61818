#include "broker/projections/directory_reader.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/domain/caseless.h"
#include "broker/projections/fold_file.h"
#include "broker/scim/json_walk.h"

namespace purser {
namespace {

using event::v1::ResourceType;
using nlohmann::json;

#define PURSER_RESOURCE_COLUMNS "id, type, version, created, modified, attributes"

absl::Status NotJson(const std::string& id) {
  return absl::DataLossError(
      absl::StrCat("the stored attributes of ", id, " are not JSON; rebuild the read model"));
}

// All but the attributes.
Resource ReadHead(const Statement& row) {
  Resource resource;
  resource.id = std::string(row.Text(0));
  resource.type = static_cast<ResourceType>(row.Int(1));
  resource.version = static_cast<uint64_t>(row.Int(2));
  resource.created = FromStored(row.Int(3));
  resource.last_modified = FromStored(row.Int(4));
  return resource;
}

absl::StatusOr<Resource> Parsed(const Statement& row) {
  Resource resource = ReadHead(row);
  JsonWalk walk(row.Text(5));
  const bool whole = walk.Sees('{') && walk.Value(&resource.attributes) && walk.at_end();
  if (!whole) return NotJson(resource.id);
  return resource;
}

absl::StatusOr<StoredResource> Stored(const Statement& row) {
  return StoredResource{ReadHead(row), std::string(row.Text(5))};
}

// With the attributes of these names, each named once, and no more. What stands before them is
// passed over, which takes a fraction of what parsing it does; what stands behind is not read.
absl::StatusOr<Resource> ReadPartly(const Statement& row, const std::vector<std::string>& names) {
  Resource resource = ReadHead(row);
  bool all = names.empty();
  if (all) return resource;
  JsonWalk walk(row.Text(5));
  const bool walked = walk.Sees('{') && walk.Object([&](absl::string_view name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) return walk.Skip();
    if (!walk.Value(&resource.attributes[std::string(name)])) return false;
    all = resource.attributes.size() == names.size();
    return !all;
  });
  if (!walked && !all) return NotJson(resource.id);
  return resource;
}

absl::StatusOr<std::vector<std::string>> Ids(Statement& rows) {
  std::vector<std::string> ids;
  while (rows.Next()) ids.emplace_back(rows.Text(0));
  RETURN_IF_ERROR(rows.status());
  return ids;
}

// The parts of a question about a list: the row, of what, which lie behind one, in which order and
// in the opposite one.
struct RowQuery {
  const char* row;
  const char* from;
  const char* behind;
  const char* order;
  const char* backward;
};

RowQuery QueryOf(const RowList& list) {
  switch (list.kind) {
    case RowList::kUsers:
      return {"row", "resources WHERE type=1", "row>?", "row", "row DESC"};
    case RowList::kGroups:
      return {"row", "resources WHERE type=2", "row>?", "row", "row DESC"};
    case RowList::kByUserName:
      return {"row", "resources WHERE name_key IS NOT NULL",
              "name_key>(SELECT name_key FROM resources WHERE row=?)", "name_key", "name_key DESC"};
    case RowList::kMembers:
      // Asked of the rows that are shown alone, not of those passed over.
      return {"(SELECT row FROM resources WHERE id=member_id)", "members WHERE group_id=?",
              "member_id>(SELECT id FROM resources WHERE row=?)", "member_id", "member_id DESC"};
    case RowList::kByUserNameDescending:
      break;
  }
  return {"row", "resources WHERE name_key IS NOT NULL",
          "name_key<(SELECT name_key FROM resources WHERE row=?)", "name_key DESC", "name_key"};
}

void BindList(const RowList& list, Statement& statement) {
  if (list.kind == RowList::kMembers) statement.Bind(list.group_id);
}

// Ends a query whose first row was all that was wanted.
absl::Status Finish(Statement& row) {
  while (row.Next()) {
  }
  return row.status();
}

// What `read` makes of the resource of that id, if there is one.
template <typename Read>
auto ReadById(Database& database, ResourceType type, absl::string_view id, Read read)
    -> absl::StatusOr<std::optional<std::decay_t<decltype(*read(std::declval<Statement&>()))>>> {
  Statement& row =
      database.Prepare("SELECT " PURSER_RESOURCE_COLUMNS " FROM resources WHERE id=? AND type=?");
  row.Bind(id).Bind(static_cast<int>(type));
  if (!row.Next()) {
    RETURN_IF_ERROR(row.status());
    return std::nullopt;
  }
  auto found = read(row);
  RETURN_IF_ERROR(Finish(row));
  return found;
}

// The same of the resource at that place; NotFound where there is none.
template <typename Read>
auto ReadAt(Database& database, ResourceRow place, Read read)
    -> decltype(read(std::declval<Statement&>())) {
  Statement& row =
      database.Prepare("SELECT " PURSER_RESOURCE_COLUMNS " FROM resources WHERE row=?");
  row.Bind(place);
  if (!row.Next()) {
    RETURN_IF_ERROR(row.status());
    return absl::NotFoundError("no resource stands there");
  }
  auto found = read(row);
  RETURN_IF_ERROR(Finish(row));
  return found;
}

}  // namespace

absl::StatusOr<std::optional<Resource>> DirectoryReader::Find(ResourceType type,
                                                              absl::string_view id) const {
  return ReadById(*database_, type, id, &Parsed);
}

absl::StatusOr<std::optional<StoredResource>> DirectoryReader::FindStored(
    ResourceType type, absl::string_view id) const {
  return ReadById(*database_, type, id, &Stored);
}

absl::StatusOr<std::optional<ResourceRow>> DirectoryReader::FindRow(ResourceType type,
                                                                    absl::string_view id) const {
  Statement& row = database_->Prepare("SELECT row FROM resources WHERE id=? AND type=?");
  row.Bind(id).Bind(static_cast<int>(type));
  std::optional<ResourceRow> found;
  while (row.Next()) found = row.Int(0);
  RETURN_IF_ERROR(row.status());
  return found;
}

absl::StatusOr<Resource> DirectoryReader::ResourceAt(ResourceRow place) const {
  return ReadAt(*database_, place, &Parsed);
}

absl::StatusOr<StoredResource> DirectoryReader::StoredAt(ResourceRow place) const {
  return ReadAt(*database_, place, &Stored);
}

absl::StatusOr<uint64_t> DirectoryReader::RowCount(const RowList& list) const {
  if (list.kind == RowList::kMembers) return MemberCount(list.group_id);
  return Count(list.kind == RowList::kGroups ? event::v1::GROUP : event::v1::USER);
}

absl::StatusOr<std::vector<ResourceRow>> DirectoryReader::RowsAfter(const RowList& list,
                                                                    ResourceRow after,
                                                                    uint64_t count) const {
  const RowQuery query = QueryOf(list);
  std::string sql = absl::StrCat("SELECT ", query.row, " FROM ", query.from);
  if (after > 0) absl::StrAppend(&sql, " AND ", query.behind);
  Statement& rows = database_->Prepare(absl::StrCat(sql, " ORDER BY ", query.order, " LIMIT ?"));
  BindList(list, rows);
  if (after > 0) rows.Bind(after);
  rows.Bind(count);
  std::vector<ResourceRow> found;
  while (rows.Next()) found.push_back(rows.Int(0));
  RETURN_IF_ERROR(rows.status());
  return found;
}

absl::StatusOr<ResourceRow> DirectoryReader::RowNumber(const RowList& list, uint64_t number) const {
  ASSIGN_OR_RETURN(const uint64_t count, RowCount(list));
  if (number == 0 || number > count) return 0;
  // The index is stepped through from the end that is nearer.
  const bool forward = number <= count / 2;
  const RowQuery query = QueryOf(list);
  Statement& row =
      database_->Prepare(absl::StrCat("SELECT ", query.row, " FROM ", query.from, " ORDER BY ",
                                      forward ? query.order : query.backward, " LIMIT 1 OFFSET ?"));
  BindList(list, row);
  row.Bind(forward ? number - 1 : count - number);
  ResourceRow found = 0;
  while (row.Next()) found = row.Int(0);
  RETURN_IF_ERROR(row.status());
  return found;
}

absl::StatusOr<std::optional<ResourceType>> DirectoryReader::TypeOf(absl::string_view id) const {
  Statement& row = database_->Prepare("SELECT type FROM resources WHERE id=?");
  row.Bind(id);
  if (!row.Next()) {
    RETURN_IF_ERROR(row.status());
    return std::nullopt;
  }
  const auto type = static_cast<ResourceType>(row.Int(0));
  RETURN_IF_ERROR(Finish(row));
  return type;
}

absl::StatusOr<std::optional<std::string>> DirectoryReader::UserIdByUserName(
    absl::string_view user_name) const {
  Statement& row = database_->Prepare("SELECT id FROM resources WHERE name_key=?");
  row.Bind(CaselessKey(user_name));
  ASSIGN_OR_RETURN(std::vector<std::string> ids, Ids(row));
  if (ids.empty()) return std::nullopt;
  return ids.front();
}

absl::StatusOr<bool> DirectoryReader::HasMember(absl::string_view group_id,
                                                absl::string_view member_id) const {
  Statement& row =
      database_->Prepare("SELECT member_id FROM members WHERE group_id=? AND member_id=?");
  row.Bind(group_id).Bind(member_id);
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, Ids(row));
  return !ids.empty();
}

absl::Status DirectoryReader::ForEachMember(
    absl::string_view group_id,
    const std::function<bool(const std::string& id, ResourceType type)>& visit) const {
  // In pages, so that `visit` may ask other questions, this one included.
  constexpr int kPage = 1000;
  std::string after;
  while (true) {
    Statement& rows = database_->Prepare(
        "SELECT member_id, type FROM members WHERE group_id=? AND member_id>?"
        " ORDER BY member_id LIMIT ?");
    rows.Bind(group_id).Bind(after).Bind(kPage);
    ASSIGN_OR_RETURN(const std::vector<MemberRow> page, ReadMembers(rows));
    for (const MemberRow& member : page) {
      if (!visit(member.id, member.type)) return absl::OkStatus();
    }
    if (page.size() < kPage) return absl::OkStatus();
    after = page.back().id;
  }
}

absl::StatusOr<uint64_t> DirectoryReader::MemberCount(absl::string_view group_id) const {
  Statement& row = database_->Prepare("SELECT members FROM resources WHERE id=?");
  row.Bind(group_id);
  uint64_t count = 0;
  while (row.Next()) count = static_cast<uint64_t>(row.Int(0));
  RETURN_IF_ERROR(row.status());
  return count;
}

absl::StatusOr<Head> DirectoryReader::FoldHead() const {
  return ReadFoldHead(*database_, StreamId());
}

namespace {

// From what, and which: the parameters are the key and the type.
absl::string_view IndexQuery(IndexedAttribute attribute) {
  switch (attribute) {
    case IndexedAttribute::kId:
      return "resources r WHERE r.id=? AND r.type=?";
    case IndexedAttribute::kUserName:
      return "resources r WHERE r.name_key=? AND r.type=?";
    case IndexedAttribute::kExternalId:
      return "resources r WHERE r.external_id=? AND r.type=? ORDER BY r.row";
    case IndexedAttribute::kDisplayName:
      return "resources r WHERE r.display_key=? AND r.type=? ORDER BY r.row";
    case IndexedAttribute::kEmail:
      return "emails e JOIN resources r ON r.id=e.id WHERE e.key=? AND r.type=? ORDER BY r.row";
  }
  return "";
}

Statement& AskIndex(Database& database, absl::string_view column, ResourceType type,
                    IndexedAttribute attribute, absl::string_view value) {
  const bool exact =
      attribute == IndexedAttribute::kId || attribute == IndexedAttribute::kExternalId;
  return database.Prepare(absl::StrCat("SELECT r.", column, " FROM ", IndexQuery(attribute)))
      .Bind(exact ? std::string(value) : CaselessKey(value))
      .Bind(static_cast<int>(type));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> DirectoryReader::FindIndexed(
    ResourceType type, IndexedAttribute attribute, absl::string_view value) const {
  return Ids(AskIndex(*database_, "id", type, attribute, value));
}

absl::StatusOr<std::vector<ResourceRow>> DirectoryReader::FindIndexedRows(
    ResourceType type, IndexedAttribute attribute, absl::string_view value) const {
  Statement& rows = AskIndex(*database_, "row", type, attribute, value);
  std::vector<ResourceRow> found;
  while (rows.Next()) found.push_back(rows.Int(0));
  RETURN_IF_ERROR(rows.status());
  return found;
}

absl::StatusOr<uint64_t> DirectoryReader::Count(ResourceType type) const {
  Statement& row = database_->Prepare("SELECT n FROM counts WHERE type=?");
  row.Bind(static_cast<int>(type));
  uint64_t count = 0;
  while (row.Next()) count = static_cast<uint64_t>(row.Int(0));
  RETURN_IF_ERROR(row.status());
  return count;
}

absl::Status DirectoryReader::Scan(ResourceType type, std::vector<std::string> names,
                                   const std::function<absl::Status(PlacedResource)>& visit) const {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  // In pages, so that `visit` may ask other questions. Where most are of this type, row after row
  // is quicker than by the index of the type.
  constexpr int kPage = 200;
  ASSIGN_OR_RETURN(const uint64_t users, Count(event::v1::USER));
  ASSIGN_OR_RETURN(const uint64_t groups, Count(event::v1::GROUP));
  const bool most = (type == event::v1::USER) == (users >= groups);
  const std::string sql =
      absl::StrCat("SELECT " PURSER_RESOURCE_COLUMNS ", row FROM resources WHERE ", most ? "+" : "",
                   "type=? AND row>? ORDER BY row LIMIT ?");
  std::vector<PlacedResource> page;
  ResourceRow after = 0;
  do {
    page.clear();
    Statement& rows = database_->Prepare(sql);
    rows.Bind(static_cast<int>(type)).Bind(after).Bind(kPage);
    while (rows.Next()) {
      ASSIGN_OR_RETURN(Resource resource, ReadPartly(rows, names));
      after = rows.Int(6);
      page.push_back({after, std::move(resource)});
    }
    RETURN_IF_ERROR(rows.status());
    for (PlacedResource& placed : page) RETURN_IF_ERROR(visit(std::move(placed)));
  } while (page.size() == kPage);
  return absl::OkStatus();
}

absl::Status DirectoryReader::ScanUserNames(
    const std::function<absl::Status(ResourceRow row, absl::string_view key)>& visit) const {
  Statement& rows =
      database_->Prepare("SELECT row, name_key FROM resources WHERE name_key IS NOT NULL");
  absl::Status visited;
  while (visited.ok() && rows.Next()) visited = visit(rows.Int(0), rows.Text(1));
  rows.Finish();
  RETURN_IF_ERROR(visited);
  return rows.status();
}

absl::StatusOr<std::vector<std::string>> DirectoryReader::DirectGroupsOf(
    absl::string_view id) const {
  return Ids(database_->Prepare("SELECT group_id FROM members WHERE member_id=? ORDER BY group_id")
                 .Bind(id));
}

absl::StatusOr<std::vector<std::string>> DirectoryReader::ReportsOf(absl::string_view id) const {
  return Ids(
      database_->Prepare("SELECT id FROM resources WHERE manager_id=? ORDER BY row").Bind(id));
}

absl::StatusOr<std::vector<GroupRow>> DirectoryReader::GroupsOf(absl::string_view id) const {
  std::vector<GroupRow> groups;
  absl::flat_hash_set<std::string> seen;
  std::vector<std::string> level = {std::string(id)};
  for (bool direct = true; !level.empty(); direct = false) {
    std::vector<std::string> next;
    for (const std::string& member : level) {
      ASSIGN_OR_RETURN(const std::vector<std::string> holders, DirectGroupsOf(member));
      for (const std::string& group : holders) {
        if (!seen.insert(group).second) continue;
        groups.push_back({group, "", direct});
        next.push_back(group);
      }
    }
    level = std::move(next);
  }
  for (GroupRow& group : groups) {
    Statement& row = database_->Prepare(
        "SELECT json_extract(attributes, '$.displayName') FROM resources WHERE id=?");
    row.Bind(group.id);
    while (row.Next()) group.display_name = std::string(row.Text(0));
    RETURN_IF_ERROR(row.status());
  }
  return groups;
}

absl::StatusOr<std::vector<std::string>> DirectoryReader::UsersWithin(
    absl::string_view group_id) const {
  absl::flat_hash_set<std::string> seen = {std::string(group_id)};
  std::vector<std::string> open = {std::string(group_id)};
  std::vector<std::string> users;
  while (!open.empty()) {
    const std::string group = std::move(open.back());
    open.pop_back();
    RETURN_IF_ERROR(ForEachMember(group, [&](const std::string& id, ResourceType type) {
      if (seen.insert(id).second) (type == event::v1::USER ? users : open).push_back(id);
      return true;
    }));
  }
  return users;
}

absl::StatusOr<bool> DirectoryReader::HoldsGroups(absl::string_view group_id) const {
  Statement& row =
      database_->Prepare("SELECT member_id FROM members WHERE group_id=? AND type=2 LIMIT 1");
  ASSIGN_OR_RETURN(const std::vector<std::string> groups, Ids(row.Bind(group_id)));
  return !groups.empty();
}

absl::StatusOr<bool> DirectoryReader::IsWithin(absl::string_view id,
                                               absl::string_view group_id) const {
  if (id == group_id) return true;
  ASSIGN_OR_RETURN(const bool direct, HasMember(group_id, id));
  if (direct) return true;
  ASSIGN_OR_RETURN(const std::vector<GroupRow> groups, GroupsOf(id));
  return std::any_of(groups.begin(), groups.end(),
                     [&](const GroupRow& group) { return group.id == group_id; });
}

absl::StatusOr<std::vector<std::string>> DirectoryReader::AllIds(ResourceType type) const {
  return Ids(database_->Prepare("SELECT id FROM resources WHERE type=? ORDER BY row")
                 .Bind(static_cast<int>(type)));
}

absl::StatusOr<std::string> DirectoryReader::Digest() const {
  return DigestTables(
      *database_,
      {"SELECT json_array(stream, position, hex(self)) FROM fold",
       "SELECT json_array(id, type, version, created, modified, name_key, external_id, display_key,"
       " manager_id, members, attributes) FROM resources ORDER BY id",
       "SELECT json_array(key, id) FROM emails ORDER BY key, id",
       "SELECT json_array(group_id, member_id, type) FROM members ORDER BY group_id, member_id",
       "SELECT json_array(position, id, type) FROM touched ORDER BY position, id",
       "SELECT json_array(request_id, position) FROM completions ORDER BY request_id, position",
       "SELECT json_array(id, type, name, position) FROM tombstones ORDER BY id"});
}

}  // namespace purser
