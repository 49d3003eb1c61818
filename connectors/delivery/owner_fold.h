// The app's projection as its owner folds it: it also hears what operators ask for, and what an
// owner before it reports.
#pragma once

#include <utility>
#include <vector>

#include "broker/eventlog/fold.h"
#include "broker/events/sealing.h"
#include "broker/projections/app_projection.h"

namespace purser::delivery {

// One thread. Commands are kept until they are taken, from committed records alone.
class OwnerFold : public Fold {
 public:
  // `projection` outlives it.
  explicit OwnerFold(AppProjection* projection) : projection_(projection) {}

  const Head& head() const override { return projection_->head(); }
  absl::Status Begin() override { return projection_->Begin(); }
  absl::Status Apply(const Record& record, const event::v1::Envelope& envelope) override {
    if (envelope.kind() == event::v1::APP_COMMAND) {
      const auto payload = Open(envelope.key_id(), envelope.payload());
      event::v1::AppCommand command;
      if (payload.ok() && command.ParseFromString(*payload)) applied_.push_back(command);
    }
    return projection_->Apply(record, envelope);
  }
  absl::Status Commit() override {
    const absl::Status status = projection_->Commit();
    if (status.ok()) {
      commands_.insert(commands_.end(), applied_.begin(), applied_.end());
      changed_ = true;
    }
    applied_.clear();
    return status;
  }
  void Rollback() override {
    applied_.clear();
    projection_->Rollback();
  }

  std::vector<event::v1::AppCommand> TakeCommands() { return std::exchange(commands_, {}); }
  // What is not to be heard any more: the owner that begins finds it in the fold.
  void Forget() {
    commands_.clear();
    projection_->TakeReported();
  }
  std::vector<MemberRow> TakeReported() { return projection_->TakeReported(); }
  // True once after each commit.
  bool TakeChanged() { return std::exchange(changed_, false); }

 private:
  AppProjection* const projection_;
  std::vector<event::v1::AppCommand> applied_;
  std::vector<event::v1::AppCommand> commands_;
  bool changed_ = true;
};

}  // namespace purser::delivery
