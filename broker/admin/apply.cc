#include "broker/admin/apply.h"

#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/admin/lookup.h"
#include "broker/admin/writing.h"
#include "broker/base/status.h"
#include "broker/config/yaml_reader.h"
#include "broker/config/yaml_writer.h"
#include "broker/mapping/mapping.h"
#include "broker/mapping/scoping_filter.h"
#include "google/protobuf/util/message_differencer.h"
#include "purser/event/v1/control.pb.h"

namespace purser {
namespace {

using admin::v1::AppliedItem;
using admin::v1::ApplyResponse;
using admin::v1::ConfigFile;
using config::v1::App;
using config::v1::Configuration;
using config::v1::Directory;
using event::v1::Envelope;
using google::protobuf::util::MessageDifferencer;

// What a decision on one state would write, and what it says of each thing named.
struct Plan {
  ApplyResponse response;
  std::vector<Envelope> records;
};

class Planner {
 public:
  Planner(const AdminContext& context, const Wish& wish, const ControlState& state, Plan* plan)
      : context_(context), wish_(wish), state_(state), plan_(plan) {}

  absl::Status Put(const Directory& directory) {
    const DirectoryEntry* present = state_.DirectoryByName(directory.name());
    const std::string id = present != nullptr ? present->id : NewId();
    new_directories_[directory.name()] = id;
    AppliedItem* item = AddItem("directory", directory.name(), id,
                                present ? &present->directory : nullptr, directory);
    if (item->action() == "unchanged") return absl::OkStatus();
    event::v1::DirectoryPut put;
    *put.mutable_directory() = directory;
    AddRecord(event::v1::DIRECTORY_PUT, event::v1::DIRECTORY, id, put, item);
    return absl::OkStatus();
  }

  absl::Status Put(App app) {
    ASSIGN_OR_RETURN(const std::string directory_id, DirectoryId(app));
    const AppEntry* present = state_.AppByName(app.name());
    if (present != nullptr) {
      if (present->directory_id != directory_id) {
        return absl::FailedPreconditionError(absl::StrCat(
            "app ", app.name(), " is fed from another directory already; name a new app"));
      }
      app.set_state(present->app.state());
    }
    const std::string id = present != nullptr ? present->id : NewId();
    AppliedItem* item = AddItem("app", app.name(), id, present ? &present->app : nullptr, app);
    if (item->action() == "unchanged") return absl::OkStatus();
    event::v1::AppPut put;
    *put.mutable_app() = std::move(app);
    put.set_directory_id(directory_id);
    AddRecord(event::v1::APP_PUT, event::v1::APP, id, put, item);
    return absl::OkStatus();
  }

 private:
  std::string NewId() { return context_.ids->NewId(context_.clock->Now()); }

  absl::StatusOr<std::string> DirectoryId(const App& app) {
    const auto it = new_directories_.find(app.directory());
    if (it != new_directories_.end()) return it->second;
    const DirectoryEntry* entry = state_.DirectoryByName(app.directory());
    if (entry != nullptr) return entry->id;
    return absl::InvalidArgumentError(
        absl::StrCat("app ", app.name(), ": there is no directory \"", app.directory(), "\""));
  }

  AppliedItem* AddItem(const std::string& kind, const std::string& name, const std::string& id,
                       const google::protobuf::Message* before,
                       const google::protobuf::Message& after) {
    AppliedItem* item = plan_->response.add_items();
    item->set_kind(kind);
    item->set_name(name);
    if (before == nullptr) {
      item->set_action("created");
      return item;
    }
    item->set_id(id);
    const bool same = MessageDifferencer::Equals(*before, after);
    item->set_action(same ? "unchanged" : "changed");
    for (admin::v1::FieldChange& change : FieldChanges(*before, after)) {
      if (!same) *item->add_changes() = std::move(change);
    }
    return item;
  }

  void AddRecord(event::v1::Kind kind, event::v1::ResourceType type, const std::string& id,
                 const google::protobuf::MessageLite& payload, AppliedItem* item) {
    item->set_id(id);
    plan_->records.push_back(MakeEnvelope(context_, wish_, kind, type, id, payload));
    item->set_position(state_.head.position + plan_->records.size());
  }

  const AdminContext& context_;
  const Wish& wish_;
  const ControlState& state_;
  Plan* plan_;
  std::map<std::string, std::string> new_directories_;  // name -> id
};

absl::StatusOr<Plan> MakePlan(const AdminContext& context, const Wish& wish,
                              const Configuration& wanted, const ControlState& state) {
  Plan plan;
  Planner planner(context, wish, state, &plan);
  for (const Directory& directory : wanted.directories()) {
    RETURN_IF_ERROR(planner.Put(directory));
  }
  for (const App& app : wanted.apps()) RETURN_IF_ERROR(planner.Put(app));
  return plan;
}

// What an app says, with what its template and the defaults of a new app say where it is silent.
absl::StatusOr<App> Completed(const App& app, const config::TemplateSource& templates) {
  ASSIGN_OR_RETURN(App complete, config::CompleteApp(app, templates));
  if (complete.mode() == config::v1::MODE_UNSPECIFIED) complete.set_mode(config::v1::MANUAL);
  if (complete.state() == config::v1::STATE_UNSPECIFIED) complete.set_state(config::v1::STOPPED);
  return complete;
}

// The first thing that a mapping or scope of the app reads and the directory does not have.
absl::Status CheckReads(const App& app, const Directory& directory) {
  for (const auto type : {event::v1::USER, event::v1::GROUP}) {
    for (const mapping::MappingProblem& problem : mapping::CheckMapping(app, type, directory)) {
      return absl::InvalidArgumentError(problem.message);
    }
  }
  return mapping::CompileScope(app, directory).status();
}

// Of a directory that is put: its apps that the files do not name have to work on.
absl::Status CheckAppsThatStay(const config::LoadedConfiguration& loaded, const ControlState& state,
                               const Directory& directory) {
  const DirectoryEntry* entry = state.DirectoryByName(directory.name());
  std::set<std::string> named;
  for (const App& app : loaded.configuration.apps()) named.insert(app.name());
  for (const auto& [id, app] : state.apps) {
    const bool fed = entry != nullptr && app.directory_id == entry->id;
    if (!fed || named.count(app.app.name()) > 0) continue;
    if (!CheckReads(app.app, entry->directory).ok()) continue;  // It cannot as it is.
    const absl::Status reads = CheckReads(app.app, directory);
    if (reads.ok()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("directory ", directory.name(), ": app ", app.app.name(),
                     ", which these files do not name, could not go on: ", reads.message(),
                     "; change the app first"));
  }
  return absl::OkStatus();
}

// Checks `loaded` as it will stand: with the directories that are there already.
absl::Status CheckAsItWillStand(const config::LoadedConfiguration& loaded,
                                const ControlState& state,
                                const config::TemplateSource& templates) {
  std::set<std::string> named;
  for (const Directory& directory : loaded.configuration.directories()) {
    named.insert(directory.name());
  }
  config::LoadedConfiguration all = loaded;
  for (const auto& [id, entry] : state.directories) {
    if (named.count(entry.directory.name()) > 0) continue;
    *all.configuration.add_directories() = entry.directory;
  }
  RETURN_IF_ERROR(config::CheckConfiguration(all, templates));
  for (const Directory& directory : loaded.configuration.directories()) {
    RETURN_IF_ERROR(CheckAppsThatStay(loaded, state, directory));
  }
  return absl::OkStatus();
}

// All files together, checked and complete.
absl::StatusOr<Configuration> ReadFiles(const AdminContext& context,
                                        const std::vector<ConfigFile>& files) {
  config::LoadedConfiguration loaded;
  std::vector<std::string> errors;
  for (const ConfigFile& file : files) {
    const absl::Status read =
        config::ReadYaml(file.text(), file.name(), &loaded.configuration, &loaded.places);
    if (!read.ok()) errors.emplace_back(read.message());
  }
  if (!errors.empty()) return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
  RETURN_IF_ERROR(CheckAsItWillStand(loaded, *context.control->state(), context.templates));
  for (App& app : *loaded.configuration.mutable_apps()) {
    ASSIGN_OR_RETURN(app, Completed(app, context.templates));
  }
  return std::move(loaded.configuration);
}

}  // namespace

absl::StatusOr<ApplyResponse> ApplyConfiguration(const AdminContext& context, const Caller& caller,
                                                 const std::vector<ConfigFile>& files,
                                                 const ApplyOptions& options) {
  if (files.empty()) return absl::InvalidArgumentError("no file is given");
  ASSIGN_OR_RETURN(const Configuration wanted, ReadFiles(context, files));
  const Wish wish = MakeWish(context, caller, options.request_id, options.reason);
  if (options.dry_run) {
    ASSIGN_OR_RETURN(Plan plan, MakePlan(context, wish, wanted, *context.control->state()));
    for (AppliedItem& item : *plan.response.mutable_items()) {
      if (item.action() == "created") item.clear_id();
      item.clear_position();
    }
    plan.response.set_dry_run(true);
    return std::move(plan.response);
  }
  // The last decision is the one that came to stand.
  auto response = std::make_shared<ApplyResponse>();
  const auto decide = [context, wish, wanted, response]() -> absl::StatusOr<std::vector<Envelope>> {
    ASSIGN_OR_RETURN(Plan plan, MakePlan(context, wish, wanted, context.control->draft()));
    *response = std::move(plan.response);
    return std::move(plan.records);
  };
  RETURN_IF_ERROR(SubmitAndWait(context, StreamId::Control(), decide).status());
  return *response;
}

absl::StatusOr<ApplyResponse> Apply(const AdminContext& context, const Caller& caller,
                                    const admin::v1::ApplyRequest& request) {
  return ApplyConfiguration(context, caller, {request.files().begin(), request.files().end()},
                            {request.dry_run(), request.request_id(), request.reason()});
}

absl::StatusOr<ApplyResponse> Diff(const AdminContext& context, const Caller& caller,
                                   const admin::v1::DiffRequest& request) {
  return ApplyConfiguration(context, caller, {request.files().begin(), request.files().end()},
                            {.dry_run = true});
}

absl::StatusOr<admin::v1::GetConfigResponse> GetConfig(const AdminContext& context, const Caller&,
                                                       const admin::v1::GetConfigRequest& request) {
  const std::shared_ptr<const ControlState> state = context.control->state();
  admin::v1::GetConfigResponse response;
  if (request.kind() == "app") {
    ASSIGN_OR_RETURN(const AppEntry* entry, FindApp(*state, request.name()));
    *response.mutable_configuration()->add_apps() = entry->app;
    response.set_id(entry->id);
    response.set_version(entry->version);
  } else if (request.kind() == "directory") {
    ASSIGN_OR_RETURN(const DirectoryEntry* entry, FindDirectory(*state, request.name()));
    *response.mutable_configuration()->add_directories() = entry->directory;
    response.set_id(entry->id);
    response.set_version(entry->version);
  } else {
    return absl::InvalidArgumentError("kind is neither \"app\" nor \"directory\"");
  }
  response.set_yaml(config::ToYaml(response.configuration()));
  return response;
}

}  // namespace purser
