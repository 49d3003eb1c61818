// What changes in the apps behind everybody's back, and the replays that are to mend it.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/simulation/product/product_world.h"

namespace purser::simulation {
namespace {

using event::v1::AppCommand;

}  // namespace

// Somebody edits an account in the app itself.
void ProductWorld::Drift(App* app) {
  FakeApp::Accounts& users = app->app->users;
  if (users.empty()) return;
  const auto drawn = std::next(users.begin(), Below(static_cast<int>(users.size())));
  app->drifted = true;
  switch (Below(4)) {
    case 0:
      drawn->second.values["title"] = "of its own";
      return;
    case 1:
      drawn->second.active = !drawn->second.active;
      drawn->second.values["active"] = drawn->second.active;
      return;
    case 2:
      for (auto& [id, group] : app->app->groups) group.members.erase(drawn->first);
      users.erase(drawn);
      return;
    default:
      for (auto& [id, group] : app->app->groups) {
        if (group.members.erase(drawn->first) == 0) group.members.insert(drawn->first);
      }
  }
}

// Of everybody, or of one; now and then cancelled, or as a trial.
void ProductWorld::Replay(const std::string& app) {
  AppCommand command;
  if (jobs_ > 0 && Chance(0.15)) {
    command.set_action(AppCommand::CANCEL_JOB);
    command.set_job_id(absl::StrCat("job-", jobs_));
    return Command(app, command);
  }
  command.set_action(AppCommand::REPLAY);
  command.set_job_id(absl::StrCat("job-", ++jobs_));
  command.set_from_position(1);
  if (Chance(0.5)) command.add_resource_ids(DrawId(event::v1::USER));
  if (Chance(0.2)) command.set_resources_per_second(1 + Below(3));
  command.set_dry_run(Chance(0.1));
  Command(app, command);
}

// Where something was edited: everybody is read again, and all is as it is to be.
void ProductWorld::ReplayDrifted() {
  for (const auto& [id, app] : apps_) {
    if (!app.drifted) continue;
    AppCommand command;
    command.set_action(AppCommand::REPLAY);
    command.set_job_id(absl::StrCat("job-", ++jobs_));
    command.set_from_position(1);
    Command(id, command);
  }
}

void ProductWorld::CommandAll(AppCommand::Action action) {
  AppCommand command;
  command.set_action(action);
  for (const auto& [id, app] : apps_) Command(id, command);
}

void ProductWorld::Command(const std::string& app, const AppCommand& command) {
  ProductNode* node = AnyDoor();
  if (node == nullptr) return;
  if (command.action() == AppCommand::REPLAY) {
    apps_[app].judge->AskedForReplay(command.job_id());
  }
  WriteRequest write;
  write.deadline = clock_.SinceBoot() + absl::Seconds(10);
  write.decide = [this, app, command](absl::Time at) {
    event::v1::Envelope envelope;
    envelope.set_event_id(ids_.NewId(at));
    envelope.set_kind(event::v1::APP_COMMAND);
    envelope.set_resource_type(event::v1::APP);
    envelope.set_resource_id(app);
    envelope.set_payload(command.SerializeAsString());
    return std::vector<event::v1::Envelope>{envelope};
  };
  write.done = [](const absl::StatusOr<WriteReceipt>&) {};
  node->SubmitToApp(app, std::move(write));
}

}  // namespace purser::simulation
