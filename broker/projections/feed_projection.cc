#include "broker/projections/feed_projection.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/events/sealing.h"
#include "broker/projections/fold_file.h"
#include "purser/event/v1/delivery.pb.h"
#include "purser/event/v1/feed.pb.h"

namespace purser {
namespace {

constexpr int kLayout = 2;
constexpr int kCacheKib = 256;

constexpr char kSchema[] =
    "CREATE TABLE place(feed TEXT PRIMARY KEY, position INTEGER NOT NULL,"
    " moved_at INTEGER NOT NULL, refused INTEGER NOT NULL, last_refused TEXT NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE owner(node_id TEXT NOT NULL, boot_id TEXT NOT NULL, released INTEGER NOT NULL);";

absl::StatusOr<FeedState> ReadState(Database& database, const StreamId& stream) {
  FeedState state;
  ASSIGN_OR_RETURN(state.head, ReadFoldHead(database, stream));
  Statement& places =
      database.Prepare("SELECT feed, position, moved_at, refused, last_refused FROM place");
  while (places.Next()) {
    state.places[std::string(places.Text(0))] = {
        static_cast<StreamPosition>(places.Int(1)), static_cast<StreamPosition>(places.Int(2)),
        static_cast<uint64_t>(places.Int(3)), std::string(places.Text(4))};
  }
  RETURN_IF_ERROR(places.status());
  Statement& owner = database.Prepare("SELECT node_id, boot_id, released FROM owner");
  while (owner.Next()) {
    state.owner_node = std::string(owner.Text(0));
    state.owner_boot = std::string(owner.Text(1));
    state.released = owner.Int(2) != 0;
  }
  RETURN_IF_ERROR(owner.status());
  return state;
}

}  // namespace

FeedProjection::FeedProjection(std::unique_ptr<Database> database, FeedState state)
    : database_(std::move(database)),
      draft_(std::move(state)),
      state_(std::make_shared<const FeedState>(draft_)) {}

absl::StatusOr<std::unique_ptr<FeedProjection>> FeedProjection::Open(const std::string& path,
                                                                     const StreamId& stream) {
  ASSIGN_OR_RETURN(auto database, OpenFoldFile(path, stream, kLayout, kSchema, kCacheKib));
  ASSIGN_OR_RETURN(FeedState state, ReadState(*database, stream));
  return std::unique_ptr<FeedProjection>(new FeedProjection(std::move(database), std::move(state)));
}

absl::Status FeedProjection::Begin() { return BeginFold(*database_); }

absl::Status FeedProjection::Apply(const Record& record, const event::v1::Envelope& envelope) {
  const Head next = AdvancedHead(draft_.head, record, envelope);
  if (envelope.kind() == event::v1::FEED_PLACED) {
    RETURN_IF_ERROR(ApplyPlaced(envelope, next.position));
  } else if (envelope.kind() == event::v1::TOOK_OVER) {
    ASSIGN_OR_RETURN(const std::string payload,
                     purser::Open(envelope.key_id(), envelope.payload()));
    event::v1::TookOver took_over;
    if (!took_over.ParseFromString(payload)) return absl::DataLossError("an owner does not decode");
    draft_.owner_node = took_over.node_id();
    draft_.owner_boot = took_over.boot_id();
    draft_.released = false;
  } else if (envelope.kind() == event::v1::RELEASED) {
    draft_.released = true;
  }
  draft_.head = next;
  return absl::OkStatus();
}

absl::Status FeedProjection::ApplyPlaced(const event::v1::Envelope& envelope,
                                         StreamPosition position) {
  ASSIGN_OR_RETURN(const std::string payload, purser::Open(envelope.key_id(), envelope.payload()));
  event::v1::FeedPlaced placed;
  if (!placed.ParseFromString(payload)) {
    return absl::DataLossError("the place of a feed does not decode");
  }
  FeedPlace& place = draft_.places[placed.feed()];
  place.position = placed.position();
  if (placed.moved()) place.moved_at = position;
  place.refused += static_cast<uint64_t>(placed.refused_size());
  for (const event::v1::RefusedEvent& refused : placed.refused()) {
    place.last_refused =
        absl::StrCat(refused.jti(), ": ", refused.error(), ": ", refused.description());
  }
  return absl::OkStatus();
}

absl::Status FeedProjection::Write() {
  RETURN_IF_ERROR(database_->Prepare("DELETE FROM place").Run());
  for (const auto& [feed, place] : draft_.places) {
    RETURN_IF_ERROR(database_->Prepare("INSERT INTO place VALUES(?, ?, ?, ?, ?)")
                        .Bind(feed)
                        .Bind(place.position)
                        .Bind(place.moved_at)
                        .Bind(place.refused)
                        .Bind(place.last_refused)
                        .Run());
  }
  RETURN_IF_ERROR(database_->Prepare("DELETE FROM owner").Run());
  return database_->Prepare("INSERT INTO owner VALUES(?, ?, ?)")
      .Bind(draft_.owner_node)
      .Bind(draft_.owner_boot)
      .Bind(draft_.released ? 1 : 0)
      .Run();
}

absl::Status FeedProjection::Commit() {
  RETURN_IF_ERROR(Write());
  RETURN_IF_ERROR(CommitFold(*database_, draft_.head));
  auto next = std::make_shared<const FeedState>(draft_);
  MutexLock lock(&mutex_);
  state_ = std::move(next);
  return absl::OkStatus();
}

void FeedProjection::Rollback() {
  RollbackFold(*database_);
  draft_ = *state();
}

std::shared_ptr<const FeedState> FeedProjection::state() const {
  MutexLock lock(&mutex_);
  return state_;
}

absl::StatusOr<Head> FeedPlacesReader::FoldHead() const {
  return ReadFoldHead(*database_, StreamId());
}

absl::StatusOr<std::string> FeedPlacesReader::Digest() const {
  return DigestTables(*database_,
                      {"SELECT json_array(stream, position, hex(self)) FROM fold",
                       "SELECT json_array(feed, position, moved_at, refused, last_refused)"
                       " FROM place ORDER BY feed",
                       "SELECT json_array(node_id, boot_id, released) FROM owner"});
}

}  // namespace purser
