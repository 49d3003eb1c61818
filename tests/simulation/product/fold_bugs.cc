// Bugs of who folds an app's stream, and of who answers clients.
#include <utility>

#include "nlohmann/json.hpp"
#include "purser/event/v1/delivery.pb.h"
#include "tests/simulation/product/bugs.h"

namespace purser::simulation {

// Folds other than what was written.
class BuggyFold : public Fold {
 public:
  BuggyFold(Fold* real, BugKit* bugs) : real_(real), bugs_(bugs) {}

  const Head& head() const override { return real_->head(); }
  absl::Status Begin() override { return real_->Begin(); }
  absl::Status Apply(const Record& record, const event::v1::Envelope& envelope) override {
    event::v1::Envelope wrong = envelope;
    if (bugs_->bug_ == Bug::kCursorAdvanced) Advance(record, &wrong);
    if (bugs_->bug_ == Bug::kReplayPassesGroups) Believe(&wrong);
    return real_->Apply(record, wrong);
  }
  absl::Status Commit() override { return real_->Commit(); }
  void Rollback() override { real_->Rollback(); }

 private:
  void Advance(const Record& record, event::v1::Envelope* envelope) const;
  void Believe(event::v1::Envelope* envelope) const;

  Fold* const real_;
  BugKit* const bugs_;
};

// Takes a `planned` record to speak of all that the directory held by then.
void BuggyFold::Advance(const Record& record, event::v1::Envelope* envelope) const {
  if (envelope->kind() != event::v1::PLANNED) return;
  event::v1::Planned planned;
  planned.ParseFromString(envelope->payload());
  planned.mutable_basis()->set_directory_position(bugs_->Ahead(record));
  envelope->set_payload(planned.SerializeAsString());
}

// A replay reads no group: what is acknowledged counts on.
void BuggyFold::Believe(event::v1::Envelope* envelope) const {
  event::v1::Outcomes outcomes;
  if (envelope->kind() != event::v1::OUTCOMES) return;
  if (!outcomes.ParseFromString(envelope->payload())) return;
  for (event::v1::Outcome& outcome : *outcomes.mutable_outcomes()) {
    const bool group = outcome.resource_type() == event::v1::GROUP;
    if (group && outcome.code() == "replay") outcome.set_acknowledged_unknown(false);
  }
  envelope->set_payload(outcomes.SerializeAsString());
}

// Of a bulk request every operation is told as done.
http::Respond BugKit::Over(const http::Request& request, http::Respond respond) const {
  if (bug_ != Bug::kBulkTellsDone || request.path != "/scim/v2/Bulk") return respond;
  return [respond = std::move(respond)](http::Response response) {
    if (response.render) response = response.render();
    auto body = nlohmann::json::parse(response.body, nullptr, false);
    if (body.is_object() && body.contains("Operations")) {
      for (nlohmann::json& operation : body["Operations"]) operation["status"] = "200";
    }
    response.body = body.dump();
    respond(std::move(response));
  };
}

StreamPosition BugKit::Ahead(const Record& record) {
  return ahead_.try_emplace(record.self(), directory_end_()).first->second;
}

std::unique_ptr<Fold> BugKit::Over(Fold* fold) {
  const bool folds = bug_ == Bug::kCursorAdvanced || bug_ == Bug::kReplayPassesGroups;
  return folds ? std::make_unique<BuggyFold>(fold, this) : nullptr;
}

}  // namespace purser::simulation
