#include "tests/simulation/product/replay_judge.h"

#include "absl/strings/str_cat.h"

namespace purser::simulation {

using event::v1::AppCommand;
using event::v1::AppNote;

void ReplayJudge::Hear(const event::v1::Envelope& envelope) {
  if (envelope.kind() == event::v1::OUTCOMES) {
    event::v1::Outcomes outcomes;
    outcomes.ParseFromString(envelope.payload());
    for (const event::v1::Outcome& outcome : outcomes.outcomes()) Link(outcome);
  } else if (envelope.kind() == event::v1::APP_COMMAND) {
    AppCommand command;
    command.ParseFromString(envelope.payload());
    if (command.action() == AppCommand::REPLAY) Begin(command);
    if (command.action() == AppCommand::CANCEL_JOB) unread_.erase(command.job_id());
  } else if (envelope.kind() == event::v1::APP_NOTE) {
    AppNote note;
    note.ParseFromString(envelope.payload());
    End(note);
  }
}

void ReplayJudge::Link(const event::v1::Outcome& outcome) {
  const std::string& account = outcome.link().remote_id();
  if (!account.empty()) resource_of_[account] = outcome.resource_id();
}

// Every account that is there and known to be somebody's. A node may know of its own command, and
// read, just before that stands.
void ReplayJudge::Begin(const AppCommand& command) {
  const std::set<std::string> asked(command.resource_ids().begin(), command.resource_ids().end());
  std::set<std::string>& unread = unread_[command.job_id()];
  if (command.dry_run()) return;  // It reads nobody who has a call under way.
  for (const auto& [account, resource] : resource_of_) {
    const bool there = app_->users.contains(account) || app_->groups.contains(account);
    const auto read = last_read_.find(account);
    if (read != last_read_.end() && read->second > asked_at_[command.job_id()]) continue;
    if (there && (asked.empty() || asked.contains(resource))) unread.insert(account);
  }
}

// A call that fails is an attempt: who goes on failing is let be.
void ReplayJudge::OnCall(const AppCall& call) {
  if (call.verb == "read") last_read_[call.id] = ++reads_;
  for (auto& [job, unread] : unread_) {
    unread.erase(call.id);
    // A search that asks again for whom was lost sight of.
    if (call.verb == "find") {
      std::erase_if(unread, [&](const std::string& account) {
        const auto user = app_->users.find(account);
        return user != app_->users.end() && user->second.values.at("userName") == call.name;
      });
    }
  }
}

void ReplayJudge::End(const AppNote& note) {
  if (note.topic() == AppNote::JOB_FAILED) found_->push_back("a job failed: " + note.message());
  if (note.topic() != AppNote::JOB_DONE) return;
  const auto ended = unread_.find(note.job_id());
  if (ended == unread_.end()) return;
  for (const std::string& account : ended->second) {
    if (!app_->users.contains(account) && !app_->groups.contains(account)) continue;
    found_->push_back(absl::StrCat(note.job_id(), ": a replay is done and did not read ", account));
  }
  unread_.erase(ended);
  ++done_;
}

void ReplayJudge::CheckEnd() const {
  if (!unread_.empty()) found_->push_back("a replay did not end");
}

}  // namespace purser::simulation
