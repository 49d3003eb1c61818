#include "broker/frontdoor/bulk_run.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/frontdoor/async_request.h"
#include "broker/scim/error.h"

namespace purser {
namespace {

using scim::BulkOperation;

// A turn is decided in one go, which nobody else's request interrupts: some 10 ms of creates.
constexpr size_t kOperationsInTurn = 256;
constexpr size_t kBytesInTurn = 1u << 20;

size_t BytesOf(const std::vector<event::v1::Envelope>& events) {
  size_t bytes = 0;
  for (const event::v1::Envelope& event : events) bytes += event.payload().size();
  return bytes;
}

// Of what refers to operation `place`, or is in a circle with it. Whatever kept the log from that
// one may pass.
absl::Status BecauseOf(size_t place, const absl::Status& error) {
  const std::string why =
      absl::StrCat("it refers to operation ", place + 1, " of this request, which failed");
  const int status = scim::ToErrorAnswer(error).http_status == 503 ? 503 : 409;
  return scim::ScimError(status, scim::ErrorType::kNone, why);
}

}  // namespace

BulkRun::BulkRun(ScimRequestPtr request, scim::BulkRequest bulk, IdSource* ids,
                 RefusedRequests* refused, absl::Duration deadline)
    : request_(std::move(request)),
      bulk_(std::move(bulk)),
      ids_(ids),
      refused_(refused),
      deadline_(deadline),
      outcomes_(bulk_.operations.size()) {}

void BulkRun::Start() { IsOver() ? Respond() : Submit(); }

bool BulkRun::StepsAreOver(size_t settled, size_t errors) const {
  return settled == bulk_.steps.size() || errors >= bulk_.fail_on_errors;
}

bool BulkRun::IsOver() const {
  return StepsAreOver(settled_, errors_) &&
         (!request_->asynchronous || completed_ == outcomes_.size());
}

void BulkRun::Submit() {
  marks_.clear();
  WriteRequest write;
  write.deadline = deadline_;
  write.done_when_valid = true;
  write.decide_in_turn = [run = shared_from_this()](WriteTurn* turn) {
    return run->DecideTurn(turn);
  };
  write.part_stands = [run = shared_from_this()](size_t records) { run->PartStands(records); };
  write.done = [run = shared_from_this()](const absl::StatusOr<WriteReceipt>& receipt) {
    run->OnDone(receipt.status());
  };
  request_->directory->writer().Submit(std::move(write));
}

absl::Status BulkRun::DecideTurn(WriteTurn* turn) {
  for (size_t step = settled_; step < settled_ + marks_.size(); ++step) {
    for (const size_t place : bulk_.steps[step]) outcomes_[place] = Outcome();
  }
  marks_.clear();
  records_ = bytes_ = completing_ = 0;
  size_t errors = errors_, operations = 0, next = settled_;
  for (; !StepsAreOver(next, errors) && operations < kOperationsInTurn && bytes_ < kBytesInTurn;
       ++next) {
    marks_.push_back(0);
    if (const absl::Status decided = DecideStep(bulk_.steps[next], turn); !decided.ok()) {
      RETURN_IF_ERROR(turn->status());
      // The read model could not be asked.
      for (const size_t place : bulk_.steps[next]) outcomes_[place] = {true, decided, 0};
    }
    marks_.back() = records_;
    operations += bulk_.steps[next].size();
    errors += ErrorsIn(next);
  }
  return request_->asynchronous && StepsAreOver(next, errors) ? Complete(turn) : absl::OkStatus();
}

absl::Status BulkRun::Complete(WriteTurn* turn) {
  for (size_t place = completed_; place < outcomes_.size() && completing_ < kOperationsInTurn;
       ++place) {
    RETURN_IF_ERROR(
        turn->Append({CompletionOf(*request_, place, ResultOf(place), ids_, turn->at())}));
    ++completing_;
  }
  return absl::OkStatus();
}

scim::BulkResult BulkRun::ResultOf(size_t place) const {
  const Outcome& outcome = outcomes_[place];
  if (outcome.attempted) return {&bulk_.operations[place], outcome.error, outcome.version};
  return {&bulk_.operations[place],
          scim::ScimError(409, scim::ErrorType::kNone,
                          "not tried: the request ended at as many errors as failOnErrors allows")};
}

size_t BulkRun::ErrorsIn(size_t step) const {
  size_t errors = 0;
  for (const size_t place : bulk_.steps[step]) errors += outcomes_[place].failed() ? 1 : 0;
  return errors;
}

absl::Status BulkRun::DecideStep(const std::vector<size_t>& step, WriteTurn* turn) {
  return step.size() == 1 ? DecideOperation(step.front(), turn) : DecideCircle(step, turn);
}

absl::Status BulkRun::DecideCircle(const std::vector<size_t>& step, WriteTurn* turn) {
  for (const size_t place : step) {
    // It is there already where a part of the turn before stood.
    ASSIGN_OR_RETURN(const std::optional<Resource> made, FindMade(place));
    if (made.has_value()) {
      outcomes_[place] = {true, absl::OkStatus(), made->version};
    } else {
      RETURN_IF_ERROR(DecideOperation(place, turn));
    }
    if (outcomes_[place].failed()) return UndoCircle(step, place, turn);
  }
  for (const size_t place : step) {
    const BulkOperation& operation = bulk_.operations[place];
    if (!operation.completion.has_value()) continue;
    const DirectoryReader& state = request_->directory->state();
    RETURN_IF_ERROR(
        Note(place, DecidePatch(state, *operation.completion, operation.id, {}, turn->at()), turn));
    if (outcomes_[place].failed()) return UndoCircle(step, place, turn);
  }
  // Who became a member of another has a new version by that.
  for (const size_t place : step) {
    ASSIGN_OR_RETURN(const std::optional<Resource> made, FindMade(place));
    if (made.has_value()) outcomes_[place].version = made->version;
  }
  return absl::OkStatus();
}

absl::Status BulkRun::UndoCircle(const std::vector<size_t>& step, size_t failed, WriteTurn* turn) {
  const absl::Status why = outcomes_[failed].error;
  for (const size_t place : step) {
    const BulkOperation& operation = bulk_.operations[place];
    ASSIGN_OR_RETURN(const std::optional<Resource> made, FindMade(place));
    if (made.has_value()) {
      const DirectoryReader& state = request_->directory->state();
      RETURN_IF_ERROR(
          Note(place, DecideDelete(state, made->type, operation.id, {}, turn->at()), turn));
    }
    outcomes_[place] = {true, place == failed ? why : BecauseOf(failed, why), 0};
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Resource>> BulkRun::FindMade(size_t place) const {
  const BulkOperation& operation = bulk_.operations[place];
  return request_->directory->state().Find(operation.schema->type, operation.id);
}

absl::Status BulkRun::DecideOperation(size_t place, WriteTurn* turn) {
  const BulkOperation& operation = bulk_.operations[place];
  absl::Status refusal = operation.refusal;
  if (refusal.ok()) refusal = CheckReferences(operation);
  if (!refusal.ok()) return Note(place, refusal, turn);
  return Note(place, Decide(operation, turn->at()), turn);
}

absl::Status BulkRun::CheckReferences(const BulkOperation& operation) const {
  for (const size_t other : operation.references) {
    if (outcomes_[other].failed()) return BecauseOf(other, outcomes_[other].error);
  }
  return absl::OkStatus();
}

// Copies the input: the operation may have to be decided again.
absl::StatusOr<Decision> BulkRun::Decide(const BulkOperation& operation, absl::Time at) const {
  const DirectoryReader& state = request_->directory->state();
  const scim::Preconditions& conditions = operation.preconditions;
  if (operation.patch.has_value()) {
    return DecidePatch(state, *operation.patch, operation.id, conditions, at);
  }
  if (!operation.input.has_value()) {
    return DecideDelete(state, operation.schema->type, operation.id, conditions, at);
  }
  return operation.method == "POST"
             ? DecideCreate(state, *operation.input, operation.id, at)
             : DecideReplace(state, *operation.input, operation.id, conditions, at);
}

absl::Status BulkRun::Note(size_t place, absl::StatusOr<Decision> decision, WriteTurn* turn) {
  Outcome& outcome = outcomes_[place];
  outcome.attempted = true;
  outcome.error = decision.status();
  if (!decision.ok()) return absl::OkStatus();
  std::vector<event::v1::Envelope> events = EventsOf(*request_, ids_, turn->at(), &*decision);
  bytes_ += BytesOf(events);
  const StreamPosition before = turn->last();
  RETURN_IF_ERROR(turn->Append(std::move(events)));
  records_ += turn->last() - before;
  const bool gone = decision->kind == event::v1::RESOURCE_DELETED;
  outcome.version = gone ? 0 : decision->changed ? turn->last() : decision->after.version;
  return absl::OkStatus();
}

void BulkRun::PartStands(size_t records) {
  size_t steps = 0;
  for (; steps < marks_.size() && marks_[steps] <= records; ++steps) {
    errors_ += ErrorsIn(settled_ + steps);
  }
  settled_ += steps;
  marks_.erase(marks_.begin(), marks_.begin() + static_cast<ptrdiff_t>(steps));
  if (records > records_) completed_ += records - records_;
}

void BulkRun::OnDone(const absl::Status& status) {
  if (!status.ok()) {
    failure_ = status;
    FailRest(status);
    return Respond();
  }
  PartStands(records_ + completing_);
  IsOver() ? Respond() : Submit();
}

// What was decided may stand or not; of the rest as many are told as may fail.
void BulkRun::FailRest(const absl::Status& why) {
  for (size_t step = settled_; step < bulk_.steps.size(); ++step) {
    const bool decided = step < settled_ + marks_.size();
    if (!decided && errors_ >= bulk_.fail_on_errors) return;
    for (const size_t place : bulk_.steps[step]) {
      const absl::Status& refusal = bulk_.operations[place].refusal;
      outcomes_[place] = {true, refusal.ok() ? why : refusal, 0};
    }
    errors_ += ErrorsIn(step);
  }
}

void BulkRun::Respond() {
  if (completed_ > 0 && IsOver()) {
    KeepRefused();
    return request_->respond(AcceptedResponse(*request_));
  }
  // Without its result a transaction is none.
  if (!request_->is_bulk()) return request_->respond(ErrorResponse(failure_));
  http::Response response;
  response.render = [run = shared_from_this()] { return run->Render(); };
  request_->respond(std::move(response));
}

http::Response BulkRun::Render() const {
  KeepRefused();
  std::vector<scim::BulkAnswer> answers;
  for (size_t i = 0; i < outcomes_.size(); ++i) {
    if (outcomes_[i].attempted) answers.push_back(scim::AnswerOf(ResultOf(i)));
  }
  return ScimResponse(200, scim::RenderBulkResponse(answers, request_->base_url));
}

void BulkRun::KeepRefused() const {
  if (refused_ == nullptr) return;
  for (size_t i = 0; i < outcomes_.size(); ++i) {
    if (outcomes_[i].failed()) KeepRefused(ResultOf(i));
  }
}

// As if it had come alone.
void BulkRun::KeepRefused(const scim::BulkResult& result) const {
  const BulkOperation& operation = *result.operation;
  ScimRequest alone;
  alone.http.method = operation.method;
  alone.http.headers = request_->http.headers;
  alone.directory = request_->directory;
  alone.principal = request_->principal;
  alone.request_id = request_->request_id;
  alone.schemas = request_->schemas;
  alone.schema = operation.schema;
  if (operation.input.has_value()) alone.http.body = operation.input->attributes_text;
  if (operation.schema != nullptr) alone.segments = {operation.schema->endpoint.substr(1)};
  if (operation.schema != nullptr && operation.method != "POST") {
    alone.segments.push_back(operation.id);
  }
  refused_->Note(alone, ErrorResponse(result.error));
}

}  // namespace purser
