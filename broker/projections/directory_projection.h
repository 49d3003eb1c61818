// The fold of one directory's stream: users, groups, members, and which record touched what.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/eventlog/fold.h"
#include "broker/events/record.h"
#include "broker/projections/directory_reader.h"
#include "broker/sqlite/database.h"
#include "purser/event/v1/directory.pb.h"

namespace purser {

// The reads of a directory's one writer: it keeps the resource that it read last, since whoever
// decides on one folds the decision next. Forget() before anything is written.
class DecidingReader : public DirectoryReader {
 public:
  using DirectoryReader::DirectoryReader;

  absl::StatusOr<std::optional<Resource>> Find(event::v1::ResourceType type,
                                               absl::string_view id) const override;
  // The same, keeping nothing.
  absl::StatusOr<std::optional<Resource>> Take(event::v1::ResourceType type, absl::string_view id);
  void Forget() { latest_.reset(); }

 private:
  mutable std::optional<Resource> latest_;
};

// The one writer of its file. Between Begin() and Commit() or Rollback() it may apply records that
// are not yet valid, so that decisions of one group see each other. One thread.
class DirectoryProjection : public Fold {
 public:
  // `path` is the file's; created where absent, begun anew where its layout is another.
  static absl::StatusOr<std::unique_ptr<DirectoryProjection>> Open(const std::string& path,
                                                                   const StreamId& stream,
                                                                   int cache_kib = 32 << 10);

  // Where the fold stands, the open transaction included.
  const Head& head() const override { return head_; }

  absl::Status Begin() override;
  // Folds one record, whose place is the next one. DataLoss for a payload that does not decode.
  absl::Status Apply(const Record& record, const event::v1::Envelope& envelope) override;
  absl::Status Commit() override;
  void Rollback() override;

  // Reads inside the writer's transaction; Count() is as of the last commit.
  const DirectoryReader& reader() const { return reader_; }

 private:
  DirectoryProjection(std::unique_ptr<Database> database, StreamId stream, Head head);

  absl::Status ApplyEvent(const event::v1::Envelope& envelope);
  absl::Status ApplyCreated(const event::v1::Envelope& envelope);
  absl::Status ApplyChanged(const event::v1::Envelope& envelope);
  absl::Status ApplyReplaced(const event::v1::Envelope& envelope);
  absl::Status ApplyDeleted(const event::v1::Envelope& envelope);
  absl::Status ApplyCompleted(const event::v1::Envelope& envelope);
  absl::Status DeleteUser(const event::v1::Envelope& envelope);
  absl::Status DeleteGroup(const event::v1::Envelope& envelope);

  // Writes the row of a resource and what is indexed of it.
  absl::Status Insert(const event::v1::Envelope& envelope, const std::string& attributes);
  absl::Status Update(event::v1::ResourceType type, absl::string_view id, uint64_t version,
                      int64_t modified, const std::string& attributes);
  // Where nothing that is indexed has changed.
  absl::Status UpdateRow(absl::string_view id, uint64_t version, int64_t modified,
                         const std::string& attributes);
  absl::StatusOr<std::vector<std::string>> IndexedEmails(event::v1::ResourceType type,
                                                         absl::string_view id);
  absl::Status UnindexEmails(absl::string_view id, const std::vector<std::string>& emails);
  absl::Status IndexEmails(absl::string_view id, const std::vector<std::string>& emails);
  absl::Status AddMember(absl::string_view group_id, const event::v1::Member& member,
                         StreamPosition position);
  absl::Status RemoveMember(absl::string_view group_id, absl::string_view member_id,
                            StreamPosition position);
  template <typename Payload>
  absl::Status ChangeMembers(const Payload& payload, absl::string_view group_id,
                             StreamPosition position);
  absl::Status LeaveGroups(absl::string_view id, const event::v1::Envelope& envelope);
  absl::Status Touch(absl::string_view id, event::v1::ResourceType type, StreamPosition position);
  absl::Status BumpVersion(absl::string_view id, event::v1::ResourceType type,
                           StreamPosition position);
  absl::Status Bury(const event::v1::Envelope& envelope);
  absl::Status WriteCounts();

  std::unique_ptr<Database> database_;
  StreamId stream_;
  Head head_;
  Head committed_;
  std::map<event::v1::ResourceType, int64_t> count_changes_;  // written by Commit()
  DecidingReader reader_;
};

}  // namespace purser
