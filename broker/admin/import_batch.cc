#include "broker/admin/import_batch.h"

#include <optional>
#include <utility>

#include "broker/base/status.h"
#include "broker/frontdoor/scim_request.h"
#include "broker/scim/error.h"

namespace purser {
namespace {

using scim::ErrorType;
using scim::ScimError;

std::string TextOf(const nlohmann::json& attributes, const char* name) {
  const auto it = attributes.find(name);
  return it != attributes.end() && it->is_string() ? it->get<std::string>() : "";
}

// The one of these; none, and an error that says so where there are several.
absl::StatusOr<std::optional<std::string>> OnlyOne(const std::vector<std::string>& ids,
                                                   const char* several) {
  if (ids.size() > 1) return ScimError(409, ErrorType::kUniqueness, several);
  return ids.empty() ? std::optional<std::string>() : ids.front();
}

absl::StatusOr<std::optional<std::string>> WithExternalId(const DirectoryReader& state,
                                                          event::v1::ResourceType type,
                                                          const std::string& external_id) {
  if (external_id.empty()) return std::optional<std::string>();
  ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                   state.FindIndexed(type, IndexedAttribute::kExternalId, external_id));
  return OnlyOne(ids, "several here have its \"externalId\"");
}

absl::StatusOr<std::optional<std::string>> FindUser(const DirectoryReader& state,
                                                    const nlohmann::json& attributes) {
  ASSIGN_OR_RETURN(const std::optional<std::string> named,
                   state.UserIdByUserName(TextOf(attributes, "userName")));
  const std::string external_id = TextOf(attributes, "externalId");
  ASSIGN_OR_RETURN(
      const std::vector<std::string> known,
      external_id.empty()
          ? std::vector<std::string>()
          : state.FindIndexed(event::v1::USER, IndexedAttribute::kExternalId, external_id));
  for (const std::string& id : known) {
    if (named == id) return named;
  }
  if (named.has_value() && !known.empty()) {
    return ScimError(409, ErrorType::kUniqueness,
                     "its \"userName\" is one user's here, its externalId another's");
  }
  return named.has_value() ? named : OnlyOne(known, "several users here have its \"externalId\"");
}

// By name only who has no externalId of its own, where the line has one: names are not unique.
absl::StatusOr<std::optional<std::string>> FindGroup(const DirectoryReader& state,
                                                     const nlohmann::json& attributes) {
  const std::string external_id = TextOf(attributes, "externalId");
  ASSIGN_OR_RETURN(std::optional<std::string> known,
                   WithExternalId(state, event::v1::GROUP, external_id));
  if (known.has_value()) return known;
  ASSIGN_OR_RETURN(std::vector<std::string> named,
                   state.FindIndexed(event::v1::GROUP, IndexedAttribute::kDisplayName,
                                     TextOf(attributes, "displayName")));
  if (!external_id.empty()) {
    std::vector<std::string> free;
    for (const std::string& id : named) {
      ASSIGN_OR_RETURN(const std::optional<Resource> group, state.Find(event::v1::GROUP, id));
      if (group.has_value() && TextOf(group->attributes, "externalId").empty()) free.push_back(id);
    }
    named = std::move(free);
  }
  return OnlyOne(named, "several groups here have its \"displayName\"");
}

absl::StatusOr<std::optional<std::string>> FindExisting(const DirectoryReader& state,
                                                        const LineToImport& line) {
  if (!line.input.has_value()) return std::optional<std::string>(line.id);
  return line.schema->type == event::v1::USER ? FindUser(state, line.input->attributes)
                                              : FindGroup(state, line.input->attributes);
}

}  // namespace

ImportBatch::ImportBatch(std::vector<LineToImport> lines, bool keep_existing,
                         event::v1::Envelope by, DirectoryService* service, IdSource* ids)
    : lines_(std::move(lines)),
      keep_existing_(keep_existing),
      by_(std::move(by)),
      service_(service),
      ids_(ids),
      outcomes_(lines_.size()) {}

void ImportBatch::Try(const DirectoryReader& state, absl::Time now) {
  for (size_t place = 0; place < lines_.size(); ++place) {
    Decide(place, state, now);
    if (outcomes_[place].created) outcomes_[place].id.clear();
  }
}

void ImportBatch::Write(absl::Duration deadline, std::function<void(absl::Status)> done) {
  WriteRequest write;
  write.deadline = deadline;
  write.done_when_valid = true;
  write.decide_in_turn = [batch = shared_from_this()](WriteTurn* turn) {
    return batch->DecideTurn(turn);
  };
  write.part_stands = [batch = shared_from_this()](size_t records) { batch->PartStands(records); };
  write.done = [done = std::move(done)](const absl::StatusOr<WriteReceipt>& receipt) {
    done(receipt.status());
  };
  service_->writer().Submit(std::move(write));
}

absl::Status ImportBatch::DecideTurn(WriteTurn* turn) {
  marks_.clear();
  records_ = 0;
  for (size_t place = settled_; place < lines_.size(); ++place) {
    RETURN_IF_ERROR(DecideAt(place, turn));
    marks_.push_back(records_);
  }
  return absl::OkStatus();
}

absl::Status ImportBatch::DecideAt(size_t place, WriteTurn* turn) {
  Decision decision = Decide(place, service_->state(), turn->at());
  std::vector<event::v1::Envelope> events = EventsOf(by_, ids_, turn->at(), &decision);
  const StreamPosition before = turn->last();
  RETURN_IF_ERROR(turn->Append(std::move(events)));
  records_ += turn->last() - before;
  return absl::OkStatus();
}

Decision ImportBatch::Decide(size_t place, const DirectoryReader& state, absl::Time at) {
  LineOutcome& outcome = outcomes_[place] = LineOutcome();
  absl::StatusOr<Decision> decision = DecideLine(lines_[place], state, at, &outcome);
  if (decision.ok()) {
    outcome.changed = decision->changed && !outcome.created;
    return *std::move(decision);
  }
  outcome = {decision.status(), "", false, false};
  return Decision();
}

// Copies the input: the line may have to be decided again.
absl::StatusOr<Decision> ImportBatch::DecideLine(const LineToImport& line,
                                                 const DirectoryReader& state, absl::Time at,
                                                 LineOutcome* outcome) const {
  RETURN_IF_ERROR(line.refusal);
  ASSIGN_OR_RETURN(const std::optional<std::string> found, FindExisting(state, line));
  outcome->created = !found.has_value();
  outcome->id = found.value_or(line.id);
  if (!found.has_value()) return DecideCreate(state, *line.input, line.id, at);
  if (keep_existing_ && line.input.has_value()) return Decision();
  return DecidePatch(state, line.change, *found, {}, at);
}

void ImportBatch::PartStands(size_t records) {
  size_t lines = 0;
  while (lines < marks_.size() && marks_[lines] <= records) ++lines;
  settled_ += lines;
  marks_.erase(marks_.begin(), marks_.begin() + static_cast<ptrdiff_t>(lines));
}

}  // namespace purser
