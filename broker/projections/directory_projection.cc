#include "broker/projections/directory_projection.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/domain/caseless.h"
#include "broker/events/sealing.h"
#include "broker/projections/fold_file.h"
#include "broker/projections/indexed_values.h"
#include "broker/scim/json_text.h"
#include "broker/scim/patch.h"

namespace purser {
namespace {

using event::v1::Envelope;
using nlohmann::json;

constexpr int kLayout = 4;
constexpr char kSchema[] = R"sql(
CREATE TABLE resources(
  row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type INTEGER NOT NULL,
  version INTEGER NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL,
  name_key TEXT UNIQUE, external_id TEXT, display_key TEXT, manager_id TEXT,
  members INTEGER NOT NULL DEFAULT 0, attributes TEXT NOT NULL);
CREATE INDEX resources_by_type ON resources(type);
CREATE INDEX resources_by_external_id ON resources(external_id) WHERE external_id IS NOT NULL;
CREATE INDEX resources_by_display ON resources(display_key) WHERE display_key IS NOT NULL;
CREATE INDEX resources_by_manager ON resources(manager_id) WHERE manager_id IS NOT NULL;
CREATE TABLE emails(key TEXT, id TEXT, PRIMARY KEY(key, id)) WITHOUT ROWID;
CREATE TABLE members(group_id TEXT, member_id TEXT, type INTEGER NOT NULL,
  PRIMARY KEY(group_id, member_id)) WITHOUT ROWID;
CREATE INDEX members_of ON members(member_id);
CREATE INDEX groups_in ON members(group_id) WHERE type=2;
CREATE TABLE touched(position INTEGER, id TEXT, type INTEGER NOT NULL,
  PRIMARY KEY(position, id)) WITHOUT ROWID;
CREATE INDEX touched_of ON touched(id);
CREATE TABLE tombstones(id TEXT PRIMARY KEY, type INTEGER NOT NULL, name TEXT NOT NULL,
  name_key TEXT NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX tombstones_by_name ON tombstones(name_key);
CREATE TABLE completions(request_id TEXT, position INTEGER,
  PRIMARY KEY(request_id, position)) WITHOUT ROWID;
CREATE TABLE counts(type INTEGER PRIMARY KEY, n INTEGER NOT NULL);
INSERT INTO counts VALUES(1, 0), (2, 0);
)sql";

constexpr char kEnterprise[] = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

std::string TextAt(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

void BindOptional(Statement& statement, const std::string& text) {
  text.empty() ? statement.BindNull() : statement.Bind(text);
}

// name_key, external_id, display_key, manager_id.
void BindIndexed(Statement& statement, event::v1::ResourceType type, const IndexedValues& values) {
  const bool user = type == event::v1::USER;
  BindOptional(statement, user ? CaselessKey(values.user_name) : "");
  BindOptional(statement, values.external_id);
  BindOptional(statement, CaselessKey(values.display_name));
  BindOptional(statement, user ? values.manager_id : "");
}

// Of users and groups: what ReadIndexedValues() reads.
bool IsIndexed(const event::v1::AttributeChange& change) {
  if (change.schema() == kEnterprise) return change.attribute() == "manager";
  if (!change.schema().empty()) return false;
  for (const absl::string_view name : {"userName", "externalId", "displayName", "emails"}) {
    if (change.attribute() == name) return true;
  }
  return false;
}

template <typename Payload>
absl::StatusOr<Payload> OpenPayload(const Envelope& envelope) {
  ASSIGN_OR_RETURN(const std::string bytes, purser::Open(envelope.key_id(), envelope.payload()));
  Payload payload;
  if (!payload.ParseFromString(bytes)) {
    return absl::DataLossError(
        absl::StrCat("the payload of event ", envelope.event_id(), " does not decode"));
  }
  return payload;
}

}  // namespace

absl::StatusOr<std::optional<Resource>> DecidingReader::Find(event::v1::ResourceType type,
                                                             absl::string_view id) const {
  if (latest_.has_value() && latest_->id == id && latest_->type == type) return latest_;
  ASSIGN_OR_RETURN(latest_, DirectoryReader::Find(type, id));
  return latest_;
}

absl::StatusOr<std::optional<Resource>> DecidingReader::Take(event::v1::ResourceType type,
                                                             absl::string_view id) {
  if (latest_.has_value() && latest_->id == id && latest_->type == type) {
    return std::exchange(latest_, std::nullopt);
  }
  return DirectoryReader::Find(type, id);
}

DirectoryProjection::DirectoryProjection(std::unique_ptr<Database> database, StreamId stream,
                                         Head head)
    : database_(std::move(database)),
      stream_(std::move(stream)),
      head_(head),
      committed_(head),
      reader_(database_.get()) {}

absl::StatusOr<std::unique_ptr<DirectoryProjection>> DirectoryProjection::Open(
    const std::string& path, const StreamId& stream, int cache_kib) {
  ASSIGN_OR_RETURN(auto database, OpenFoldFile(path, stream, kLayout, kSchema, cache_kib));
  ASSIGN_OR_RETURN(const Head head, ReadFoldHead(*database, stream));
  return std::unique_ptr<DirectoryProjection>(
      new DirectoryProjection(std::move(database), stream, head));
}

absl::Status DirectoryProjection::Begin() { return BeginFold(*database_); }

absl::Status DirectoryProjection::Commit() {
  absl::Status status = WriteCounts();
  if (status.ok()) status = CommitFold(*database_, head_);
  if (!status.ok()) {
    Rollback();
    return status;
  }
  committed_ = head_;
  return absl::OkStatus();
}

void DirectoryProjection::Rollback() {
  RollbackFold(*database_);
  reader_.Forget();
  head_ = committed_;
  count_changes_.clear();
}

absl::Status DirectoryProjection::WriteCounts() {
  for (const auto& [type, change] : count_changes_) {
    RETURN_IF_ERROR(database_->Prepare("UPDATE counts SET n=n+? WHERE type=?")
                        .Bind(change)
                        .Bind(static_cast<int>(type))
                        .Run());
  }
  count_changes_.clear();
  return absl::OkStatus();
}

absl::Status DirectoryProjection::Apply(const Record& record, const Envelope& envelope) {
  const absl::Status applied = ApplyEvent(envelope);
  reader_.Forget();
  RETURN_IF_ERROR(applied);
  head_ = AdvancedHead(head_, record, envelope);
  return absl::OkStatus();
}

absl::Status DirectoryProjection::ApplyEvent(const Envelope& envelope) {
  switch (envelope.kind()) {
    case event::v1::RESOURCE_CREATED:
      return ApplyCreated(envelope);
    case event::v1::RESOURCE_CHANGED:
      return ApplyChanged(envelope);
    case event::v1::RESOURCE_REPLACED:
      return ApplyReplaced(envelope);
    case event::v1::RESOURCE_DELETED:
      return ApplyDeleted(envelope);
    case event::v1::REQUEST_COMPLETED:
      return ApplyCompleted(envelope);
    default:
      return absl::OkStatus();  // A barrier, or the stream's end: no state.
  }
}

namespace {

int64_t TimeOf(const Envelope& envelope) { return ToStored(ToTime(envelope.time())); }

}  // namespace

absl::Status DirectoryProjection::Insert(const Envelope& envelope, const std::string& text) {
  ASSIGN_OR_RETURN(const IndexedValues values, ReadIndexedValues(text));
  Statement& insert = database_->Prepare(
      "INSERT INTO resources(name_key, external_id, display_key, manager_id, attributes, id, type,"
      " version, created, modified) VALUES(?,?,?,?,?,?,?,?,?,?)");
  BindIndexed(insert, envelope.resource_type(), values);
  RETURN_IF_ERROR(insert.Bind(text)
                      .Bind(envelope.resource_id())
                      .Bind(static_cast<int>(envelope.resource_type()))
                      .Bind(envelope.resource_version())
                      .Bind(TimeOf(envelope))
                      .Bind(TimeOf(envelope))
                      .Run());
  ++count_changes_[envelope.resource_type()];
  return IndexEmails(envelope.resource_id(), values.emails);
}

absl::Status DirectoryProjection::Update(event::v1::ResourceType type, absl::string_view id,
                                         uint64_t version, int64_t modified,
                                         const std::string& text) {
  ASSIGN_OR_RETURN(const IndexedValues values, ReadIndexedValues(text));
  ASSIGN_OR_RETURN(const std::vector<std::string> old_emails, IndexedEmails(type, id));
  Statement& update = database_->Prepare(
      "UPDATE resources SET name_key=?, external_id=?, display_key=?, manager_id=?, attributes=?,"
      " version=?, modified=? WHERE id=?");
  BindIndexed(update, type, values);
  RETURN_IF_ERROR(update.Bind(text).Bind(version).Bind(modified).Bind(id).Run());
  if (type != event::v1::USER || old_emails == values.emails) return absl::OkStatus();
  RETURN_IF_ERROR(UnindexEmails(id, old_emails));
  return IndexEmails(id, values.emails);
}

absl::Status DirectoryProjection::UpdateRow(absl::string_view id, uint64_t version,
                                            int64_t modified, const std::string& text) {
  return database_->Prepare("UPDATE resources SET attributes=?, version=?, modified=? WHERE id=?")
      .Bind(text)
      .Bind(version)
      .Bind(modified)
      .Bind(id)
      .Run();
}

// What its row says before it is changed; they have no index by resource.
absl::StatusOr<std::vector<std::string>> DirectoryProjection::IndexedEmails(
    event::v1::ResourceType type, absl::string_view id) {
  if (type != event::v1::USER) return std::vector<std::string>();
  Statement& row = database_->Prepare("SELECT attributes FROM resources WHERE id=?").Bind(id);
  if (!row.Next()) {
    RETURN_IF_ERROR(row.status());
    return std::vector<std::string>();
  }
  auto values = ReadIndexedValues(row.Text(0));
  row.Finish();
  RETURN_IF_ERROR(values.status());
  return std::move(values->emails);
}

absl::Status DirectoryProjection::UnindexEmails(absl::string_view id,
                                                const std::vector<std::string>& emails) {
  for (const std::string& email : emails) {
    RETURN_IF_ERROR(database_->Prepare("DELETE FROM emails WHERE key=? AND id=?")
                        .Bind(CaselessKey(email))
                        .Bind(id)
                        .Run());
  }
  return absl::OkStatus();
}

absl::Status DirectoryProjection::IndexEmails(absl::string_view id,
                                              const std::vector<std::string>& emails) {
  for (const std::string& email : emails) {
    RETURN_IF_ERROR(database_->Prepare("INSERT OR IGNORE INTO emails VALUES(?,?)")
                        .Bind(CaselessKey(email))
                        .Bind(id)
                        .Run());
  }
  return absl::OkStatus();
}

absl::Status DirectoryProjection::Touch(absl::string_view id, event::v1::ResourceType type,
                                        StreamPosition position) {
  return database_->Prepare("INSERT OR IGNORE INTO touched VALUES(?,?,?)")
      .Bind(position)
      .Bind(id)
      .Bind(static_cast<int>(type))
      .Run();
}

absl::Status DirectoryProjection::BumpVersion(absl::string_view id, event::v1::ResourceType type,
                                              StreamPosition position) {
  RETURN_IF_ERROR(database_->Prepare("UPDATE resources SET version=? WHERE id=?")
                      .Bind(position)
                      .Bind(id)
                      .Run());
  return Touch(id, type, position);
}

absl::Status DirectoryProjection::AddMember(absl::string_view group_id,
                                            const event::v1::Member& member,
                                            StreamPosition position) {
  RETURN_IF_ERROR(database_->Prepare("INSERT OR IGNORE INTO members VALUES(?,?,?)")
                      .Bind(group_id)
                      .Bind(member.id())
                      .Bind(static_cast<int>(member.type()))
                      .Run());
  if (database_->Changes() == 0) return absl::OkStatus();
  RETURN_IF_ERROR(
      database_->Prepare("UPDATE resources SET members=members+1 WHERE id=?").Bind(group_id).Run());
  return BumpVersion(member.id(), member.type(), position);
}

absl::Status DirectoryProjection::RemoveMember(absl::string_view group_id,
                                               absl::string_view member_id,
                                               StreamPosition position) {
  Statement& removed =
      database_->Prepare("DELETE FROM members WHERE group_id=? AND member_id=? RETURNING type");
  removed.Bind(group_id).Bind(member_id);
  if (!removed.Next()) return removed.status();
  const auto type = static_cast<event::v1::ResourceType>(removed.Int(0));
  while (removed.Next()) {
  }
  RETURN_IF_ERROR(removed.status());
  RETURN_IF_ERROR(
      database_->Prepare("UPDATE resources SET members=members-1 WHERE id=?").Bind(group_id).Run());
  return BumpVersion(member_id, type, position);
}

template <typename Payload>
absl::Status DirectoryProjection::ChangeMembers(const Payload& payload, absl::string_view group_id,
                                                StreamPosition position) {
  if (payload.members_cleared()) {
    absl::flat_hash_set<absl::string_view> stay;
    for (const event::v1::Member& member : payload.members_added()) stay.insert(member.id());
    std::vector<std::string> gone;
    RETURN_IF_ERROR(
        reader_.ForEachMember(group_id, [&](const std::string& id, event::v1::ResourceType) {
          if (!stay.contains(id)) gone.push_back(id);
          return true;
        }));
    for (const std::string& id : gone) RETURN_IF_ERROR(RemoveMember(group_id, id, position));
  }
  for (const std::string& id : payload.members_removed()) {
    RETURN_IF_ERROR(RemoveMember(group_id, id, position));
  }
  for (const event::v1::Member& member : payload.members_added()) {
    RETURN_IF_ERROR(AddMember(group_id, member, position));
  }
  return absl::OkStatus();
}

absl::Status DirectoryProjection::ApplyCreated(const Envelope& envelope) {
  ASSIGN_OR_RETURN(const auto payload, OpenPayload<event::v1::ResourceCreated>(envelope));
  RETURN_IF_ERROR(Insert(envelope, payload.attributes()));
  const StreamPosition position = envelope.resource_version();
  for (const event::v1::Member& member : payload.members()) {
    RETURN_IF_ERROR(AddMember(envelope.resource_id(), member, position));
  }
  return Touch(envelope.resource_id(), envelope.resource_type(), position);
}

absl::Status DirectoryProjection::ApplyChanged(const Envelope& envelope) {
  ASSIGN_OR_RETURN(const auto payload, OpenPayload<event::v1::ResourceChanged>(envelope));
  const StreamPosition position = envelope.resource_version();
  if (payload.changes_size() > 0) {
    ASSIGN_OR_RETURN(auto resource, reader_.Take(envelope.resource_type(), envelope.resource_id()));
    if (!resource) return absl::DataLossError("a change of a resource that is not there");
    bool indexed = false;
    for (const event::v1::AttributeChange& change : payload.changes()) {
      RETURN_IF_ERROR(scim::ApplyChange(change, &resource->attributes));
      indexed = indexed || IsIndexed(change);
    }
    std::string text;
    scim::AppendJson(resource->attributes, &text);
    RETURN_IF_ERROR(indexed ? Update(envelope.resource_type(), envelope.resource_id(), position,
                                     TimeOf(envelope), text)
                            : UpdateRow(envelope.resource_id(), position, TimeOf(envelope), text));
  } else {
    RETURN_IF_ERROR(database_->Prepare("UPDATE resources SET version=?, modified=? WHERE id=?")
                        .Bind(position)
                        .Bind(TimeOf(envelope))
                        .Bind(envelope.resource_id())
                        .Run());
  }
  RETURN_IF_ERROR(ChangeMembers(payload, envelope.resource_id(), position));
  return Touch(envelope.resource_id(), envelope.resource_type(), position);
}

absl::Status DirectoryProjection::ApplyReplaced(const Envelope& envelope) {
  ASSIGN_OR_RETURN(const auto payload, OpenPayload<event::v1::ResourceReplaced>(envelope));
  const StreamPosition position = envelope.resource_version();
  RETURN_IF_ERROR(Update(envelope.resource_type(), envelope.resource_id(), position,
                         TimeOf(envelope), payload.attributes()));
  RETURN_IF_ERROR(ChangeMembers(payload, envelope.resource_id(), position));
  return Touch(envelope.resource_id(), envelope.resource_type(), position);
}

absl::Status DirectoryProjection::ApplyDeleted(const Envelope& envelope) {
  RETURN_IF_ERROR(Bury(envelope));
  RETURN_IF_ERROR(LeaveGroups(envelope.resource_id(), envelope));
  return envelope.resource_type() == event::v1::USER ? DeleteUser(envelope) : DeleteGroup(envelope);
}

absl::Status DirectoryProjection::Bury(const Envelope& envelope) {
  ASSIGN_OR_RETURN(const auto resource,
                   reader_.Take(envelope.resource_type(), envelope.resource_id()));
  if (!resource) return absl::DataLossError("a delete of a resource that is not there");
  const std::string name =
      TextAt(resource->attributes,
             envelope.resource_type() == event::v1::USER ? "userName" : "displayName");
  RETURN_IF_ERROR(database_->Prepare("INSERT INTO tombstones VALUES(?,?,?,?,?)")
                      .Bind(envelope.resource_id())
                      .Bind(static_cast<int>(envelope.resource_type()))
                      .Bind(name)
                      .Bind(CaselessKey(name))
                      .Bind(envelope.resource_version())
                      .Run());
  ASSIGN_OR_RETURN(const std::vector<std::string> emails,
                   IndexedEmails(envelope.resource_type(), envelope.resource_id()));
  RETURN_IF_ERROR(UnindexEmails(envelope.resource_id(), emails));
  RETURN_IF_ERROR(
      database_->Prepare("DELETE FROM resources WHERE id=?").Bind(envelope.resource_id()).Run());
  --count_changes_[envelope.resource_type()];
  return Touch(envelope.resource_id(), envelope.resource_type(), envelope.resource_version());
}

// The groups that held it drop it, and change.
absl::Status DirectoryProjection::LeaveGroups(absl::string_view id, const Envelope& envelope) {
  ASSIGN_OR_RETURN(const std::vector<std::string> groups, reader_.DirectGroupsOf(id));
  for (const std::string& group : groups) {
    RETURN_IF_ERROR(
        database_
            ->Prepare("UPDATE resources SET members=members-1, version=?, modified=? WHERE id=?")
            .Bind(envelope.resource_version())
            .Bind(TimeOf(envelope))
            .Bind(group)
            .Run());
    RETURN_IF_ERROR(Touch(group, event::v1::GROUP, envelope.resource_version()));
  }
  return database_->Prepare("DELETE FROM members WHERE member_id=?").Bind(id).Run();
}

// Whoever had this user as a manager has none now.
absl::Status DirectoryProjection::DeleteUser(const Envelope& envelope) {
  ASSIGN_OR_RETURN(const std::vector<std::string> reports,
                   reader_.ReportsOf(envelope.resource_id()));
  for (const std::string& id : reports) {
    ASSIGN_OR_RETURN(auto report, reader_.Take(event::v1::USER, id));
    if (!report) continue;
    json& extension = report->attributes[kEnterprise];
    extension.erase("manager");
    if (extension.empty()) report->attributes.erase(kEnterprise);
    RETURN_IF_ERROR(Update(event::v1::USER, id, envelope.resource_version(), TimeOf(envelope),
                           report->attributes.dump()));
    RETURN_IF_ERROR(Touch(id, event::v1::USER, envelope.resource_version()));
  }
  return absl::OkStatus();
}

absl::Status DirectoryProjection::DeleteGroup(const Envelope& envelope) {
  std::vector<MemberRow> members;
  RETURN_IF_ERROR(reader_.ForEachMember(envelope.resource_id(),
                                        [&](const std::string& id, event::v1::ResourceType type) {
                                          members.push_back({id, type});
                                          return true;
                                        }));
  for (const MemberRow& member : members) {
    RETURN_IF_ERROR(BumpVersion(member.id, member.type, envelope.resource_version()));
  }
  return database_->Prepare("DELETE FROM members WHERE group_id=?")
      .Bind(envelope.resource_id())
      .Run();
}

// What it says stays on the log, behind the seal.
absl::Status DirectoryProjection::ApplyCompleted(const Envelope& envelope) {
  return database_->Prepare("INSERT INTO completions VALUES(?,?)")
      .Bind(envelope.request_id())
      .Bind(envelope.resource_version())
      .Run();
}

}  // namespace purser
