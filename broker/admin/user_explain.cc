#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/admin/app_service.h"
#include "broker/admin/delivery_service.h"
#include "broker/admin/lookup.h"
#include "broker/admin/user_service.h"
#include "broker/base/status.h"
#include "broker/eventlog/fold.h"
#include "broker/eventlog/whole_event.h"
#include "broker/mapping/mapping.h"
#include "broker/mapping/scoping_filter.h"

namespace purser {
namespace {

using admin::v1::ExplainResponse;
using admin::v1::ExplainStep;

constexpr char kPass[] = "pass";
constexpr char kStop[] = "stop";
constexpr char kWait[] = "wait";
// What the app's fold notes on a lane that `purser parked retry` has released.
constexpr char kReleasedByOperator[] = "retry";
// What the app's owner notes on a lane whose action the configuration switches off.
constexpr char kSkippedByConfiguration[] = "skipped-by-configuration";

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

// All that the steps look at, read once.
struct Case {
  const AppEntry* app = nullptr;
  config::v1::Directory directory;
  FoundSubject found;
  bool show_values = false;
  absl::Time now;
  std::optional<Resource> resource;
  std::vector<mapping::GroupName> groups;
  StreamPosition last_event = 0;
  event::v1::Envelope last_record;
  AppRow row;
  std::optional<Lane> lane;
  std::optional<admin::v1::Exchange> exchange;  // of the lane's last try
  std::optional<OpenOperation> open;
  mapping::ScopeDecision scope;
};

bool IsActive(const Resource& resource) {
  const auto it = resource.attributes.find("active");
  return it == resource.attributes.end() || !it->is_boolean() || it->get<bool>();
}

absl::Status ReadDirectorySide(const AdminContext& context, Case* it) {
  ASSIGN_OR_RETURN(const auto reader, ReadDirectory(context, it->found.directory_id));
  const std::string& id = it->found.subject.id();
  ASSIGN_OR_RETURN(it->resource, reader->Find(it->found.type, id));
  ASSIGN_OR_RETURN(const auto groups, reader->GroupsOf(id));
  for (const GroupRow& group : groups) it->groups.push_back({group.id, group.display_name});
  ASSIGN_OR_RETURN(const auto positions, reader->Timeline(id));
  if (positions.empty()) return absl::OkStatus();
  it->last_event = positions.back();
  const StreamId stream = StreamId::Directory(it->found.directory_id);
  ASSIGN_OR_RETURN(it->last_record, ReadEvent(*context.log, stream, it->last_event));
  return absl::OkStatus();
}

absl::Status ReadAppSide(const AdminContext& context, Case* it) {
  ASSIGN_OR_RETURN(const auto reader, ReadApp(context, it->app->id));
  ASSIGN_OR_RETURN(it->row, reader->App());
  ASSIGN_OR_RETURN(it->lane, reader->FindLane(it->found.subject.id()));
  ASSIGN_OR_RETURN(it->open, reader->OpenOperationOf(it->found.subject.id()));
  if (it->lane) {
    ASSIGN_OR_RETURN(it->exchange, LastExchange(context, *it->app, *it->lane));
  }
  return absl::OkStatus();
}

// Writes the steps in order, and remembers the first that is in the way.
class Story {
 public:
  Story(const Case& the_case, ExplainResponse* response) : case_(the_case), response_(response) {}

  void Tell() {
    TellEvent();
    TellApp();
    TellScope();
    TellMapping();
    TellMatch();
    TellDelivery();
    Conclude();
  }

 private:
  const std::string& name() const { return case_.app->app.name(); }
  const std::string& id() const { return case_.found.subject.id(); }
  bool linked() const { return case_.lane && case_.lane->linked; }
  bool is_user() const { return case_.found.type == event::v1::USER; }

  ExplainStep* Step(const char* step, const char* verdict, const std::string& summary,
                    const std::string& remedy = "") {
    ExplainStep* out = response_->add_steps();
    out->set_step(step);
    out->set_verdict(verdict);
    out->set_summary(summary);
    if (verdict != kPass && !obstacle_) obstacle_ = summary;
    if (!remedy.empty()) response_->add_what_would_change_it(remedy);
    return out;
  }

  void TellEvent() {
    const std::string last =
        case_.last_event == 0
            ? ""
            : absl::StrCat("last event: ", WordOf(case_.last_record.kind()), " at ",
                           TimeText(ToTime(case_.last_record.time())), ", position ",
                           case_.last_event, ", by ", case_.last_record.actor());
    ExplainStep* step;
    if (!case_.resource) {
      step = Step("event", kStop, absl::StrCat("deleted from the directory"),
                  "create it in the directory again: that is a new resource with a new account");
    } else if (is_user() && !IsActive(*case_.resource)) {
      step = Step("event", linked() ? kPass : kStop,
                  "in the directory, but inactive: no account is made for an inactive user",
                  "set active to true in the directory");
    } else {
      step = Step("event", kPass, "in the directory");
    }
    if (!last.empty()) step->add_details(last);
  }

  void TellApp() {
    const std::string state = AppStateWord(*case_.app, case_.row);
    if (state != "running") {
      Step("app", kStop, absl::StrCat("the app is ", state, ": nothing is sent"),
           absl::StrCat("purser app start ", name()));
    } else if (case_.app->app.mode() == config::v1::READ_ONLY) {
      Step("app", kStop, "the app is read-only: nothing is sent",
           "set its mode to automatic in the configuration");
    } else if (case_.row.credentials_refused) {
      Step("app", kWait, absl::StrCat("the app refuses the credentials: ", case_.row.trouble),
           "put a valid secret where the configuration refers to: it is read again by itself");
    } else if (case_.row.not_configured) {
      Step("app", kWait, absl::StrCat("nothing can be sent: ", case_.row.trouble),
           "a file that the configuration refers to is read again by itself; a variable needs a "
           "start");
    } else if (case_.row.breaker_open) {
      Step("app", kWait,
           absl::StrCat("the app is at fault, so everything waits: ", case_.row.trouble),
           absl::StrCat("nothing, once the app answers again; purser app test ", name()));
    } else if (case_.row.released) {
      Step("app", kWait, "the app is running, but no node has it yet",
           "a node that delivers takes it by itself");
    } else {
      Step("app", kPass, absl::StrCat("running on ", case_.row.owner_node));
    }
  }

  void TellScope() {
    if (!case_.resource) return;
    if (!is_user()) {
      const bool on = case_.app->app.groups().enabled() == config::v1::ON;
      Step("scope", on ? kPass : kStop, on ? "groups are provisioned" : "groups are switched off",
           on ? "" : "set groups.enabled to on in the app's configuration");
      return;
    }
    if (case_.scope.in_scope) {
      ExplainStep* step = Step("scope", kPass, absl::StrCat("in scope: ", case_.scope.reason));
      if (!case_.scope.roles.empty()) {
        step->add_details(absl::StrCat("roles: ", absl::StrJoin(case_.scope.roles, ", ")));
      }
      return;
    }
    Step("scope", kStop, absl::StrCat("out of scope: ", case_.scope.reason),
         "assign the user, or a group they are in, to the app; or change its scope");
  }

  void TellMapping() {
    if (!case_.resource) return;
    const absl::StatusOr<mapping::MappedResource> mapped = Map();
    if (!mapped.ok()) {
      Step("mapping", kStop, std::string(mapped.status().message()),
           "correct the mapping row, or the attribute it reads");
      return;
    }
    if (!mapped->missing_required.empty() && !linked() && Creates()) {
      const std::string missing = absl::StrJoin(mapped->missing_required, ", ");
      Step("mapping", kStop, absl::StrCat("the app requires ", missing, ", which has no value"),
           absl::StrCat("give the user what ", missing,
                        " is mapped from, or give its row a default"));
      return;
    }
    ExplainStep* step =
        Step("mapping", kPass, absl::StrCat(mapped->values.size(), " attributes are wanted there"));
    for (const auto& [target, value] : mapped->values) {
      const bool shown = case_.show_values && mapped->redacted.count(target) == 0;
      step->add_details(shown ? absl::StrCat(target, " = ", value.dump()) : target);
    }
    for (const mapping::Reference& reference : mapped->references) {
      step->add_details(absl::StrCat(reference.target, " -> ", reference.resource_id));
    }
  }

  bool Creates() const {
    const auto& mapping = is_user() ? case_.app->app.users() : case_.app->app.groups();
    return mapping.actions().create() != config::v1::OFF;
  }

  absl::StatusOr<mapping::MappedResource> Map() const {
    ASSIGN_OR_RETURN(const auto compiled,
                     mapping::CompileMapping(case_.app->app, case_.found.type, case_.directory));
    if (!compiled.enabled) {
      return absl::FailedPreconditionError(
          absl::StrCat(case_.found.subject.type(), "s are switched off in this app"));
    }
    mapping::MappingInput input;
    input.resource = &*case_.resource;
    input.active = IsActive(*case_.resource) && (!is_user() || case_.scope.in_scope);
    input.assigned_roles = case_.scope.roles;
    input.in_scope_by_all = case_.scope.by_all;
    input.groups = &case_.groups;
    input.creating = !linked();
    const absl::Time now = case_.now;
    input.generate = [now](mapping::Generated what, const std::string&) -> std::string {
      if (what == mapping::Generated::kNow) return absl::FormatTime(absl::RFC3339_full, now, {});
      return "made-up-when-it-is-sent";
    };
    return is_user() ? mapping::MapUser(compiled, input) : mapping::MapGroup(compiled, input);
  }

  void TellMatch() {
    if (linked()) {
      Step("match", kPass, absl::StrCat("linked to account ", case_.lane->remote_id));
    } else if (case_.lane && !case_.lane->remote_id.empty()) {
      Step("match", kPass, absl::StrCat("its account ", case_.lane->remote_id, " is gone"));
    } else {
      Step("match", kPass, "no account is linked yet: the next call looks for one");
    }
  }

  void TellDelivery() {
    if (!case_.lane) {
      if (case_.open) {
        Step("delivery", kWait, "the first call is under way", "nothing: wait for its outcome");
      } else if (case_.row.planned.directory_position() >= case_.last_event) {
        Step("delivery", kPass, "looked at, and nothing was to be sent");
      } else {
        Step("delivery", kWait, "not looked at yet", "nothing: its turn comes");
      }
      return;
    }
    ExplainStep* step = TellLane(*case_.lane);
    AddLaneDetails(*case_.lane, step);
  }

  ExplainStep* TellLane(const Lane& lane) {
    const std::string because =
        lane.message.empty() ? lane.code : absl::StrCat(lane.code, ": ", lane.message);
    const std::string retry =
        absl::StrCat("purser parked retry ", id(), " --app ", name(), " --reason TEXT");
    switch (lane.state) {
      case event::v1::PARKED:
        if (!response_->what_would_change_it().empty() || !is_user()) {
          return Step("delivery", kStop, absl::StrCat("parked: ", because), retry);
        }
        response_->add_what_would_change_it("a change in the directory that mends it");
        return Step("delivery", kStop, absl::StrCat("parked: ", because), retry);
      case event::v1::HELD:
        return Step("delivery", kStop, absl::StrCat("held by the guard: ", because),
                    "an operator who approves or rejects it");
      case event::v1::SKIPPED:
        return Step("delivery", linked() ? kPass : kStop, absl::StrCat("skipped: ", because),
                    absl::StrCat("a change in the directory, or ", retry));
      case event::v1::WAITING:
        return Step("delivery", kWait,
                    absl::StrCat("waits for resource ", lane.waits_for, ": ", because),
                    absl::StrCat("resource ", lane.waits_for,
                                 " getting its account, or letting go of the name"));
      case event::v1::RETRYING:
        return Step("delivery", kWait, absl::StrCat("tried again: ", because),
                    WhenTriedAgain(lane));
      default:
        break;
    }
    if (lane.settled < case_.last_event &&
        case_.row.planned.directory_position() < case_.last_event) {
      return Step("delivery", kWait, "the last event is not delivered yet",
                  "nothing: its turn comes");
    }
    if (lane.code == kSkippedByConfiguration) {
      return Step("delivery", kStop, absl::StrCat("skipped by configuration: ", lane.message),
                  absl::StrCat("switch the action on in ", is_user() ? "users" : "groups",
                               ".actions of the app's configuration"));
    }
    return Step("delivery", kPass, "settled: the app has acknowledged what is wanted");
  }

  // A lane without a time of its own is sent with the app's next calls.
  std::string WhenTriedAgain(const Lane& lane) const {
    if (lane.next_try > absl::UnixEpoch()) {
      return absl::StrCat("nothing: the next try is at ", TimeText(lane.next_try));
    }
    if (lane.code == kReleasedByOperator) return "nothing: its turn comes";
    return "nothing: it waits for the app to be well again, and is then tried by itself";
  }

  void AddLaneDetails(const Lane& lane, ExplainStep* step) {
    step->add_details(absl::StrCat("settled at the directory's position ", lane.settled));
    if (lane.tries > 0) step->add_details(absl::StrCat("tries: ", lane.tries));
    if (case_.exchange) {
      step->add_details(ExchangeText(*case_.exchange));
    } else if (lane.http_status != 0) {
      step->add_details(absl::StrCat("HTTP ", lane.http_status));
    }
    if (!lane.left_out.empty()) {
      step->add_details(absl::StrCat("sent without ", absl::StrJoin(lane.left_out, ", ")));
    }
    if (case_.open) {
      step->add_details(absl::StrCat("under way: ", WordOf(case_.open->operation.kind()),
                                     case_.open->in_doubt ? ", in doubt" : ""));
    }
  }

  void Conclude() {
    response_->set_present(linked());
    const std::string who = absl::StrCat(case_.found.subject.type(), " ", id());
    if (linked()) {
      response_->set_conclusion(
          absl::StrCat(who, " is in ", name(), " as account ", case_.lane->remote_id,
                       obstacle_ ? absl::StrCat("; but ", *obstacle_) : ", as wanted"));
      return;
    }
    response_->set_conclusion(
        absl::StrCat(who, " is not in ", name(), ": ",
                     obstacle_.value_or("nothing is in the way, and nothing was to be sent")));
  }

  const Case& case_;
  ExplainResponse* response_;
  std::optional<std::string> obstacle_;
};

absl::Status DecideCaseScope(Case* it) {
  if (!it->resource || it->found.type != event::v1::USER) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto scope, mapping::CompileScope(it->app->app, it->directory));
  it->scope = mapping::DecideScope(scope, {&*it->resource, &it->groups});
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ExplainResponse> Explain(const AdminContext& context, const Caller& caller,
                                        const admin::v1::ExplainRequest& request) {
  const std::shared_ptr<const ControlState> state = context.control->state();
  Case it;
  ASSIGN_OR_RETURN(it.app, FindApp(*state, request.app()));
  ASSIGN_OR_RETURN(it.found, FindSubject(context, *state, it.app->directory_id, request.user()));
  ASSIGN_OR_RETURN(const DirectoryEntry* directory, FindDirectory(*state, it.app->directory_id));
  it.directory = directory->directory;
  it.show_values = auth::Allows(caller.role, auth::Role::kOperator);
  it.now = context.clock->Now();
  RETURN_IF_ERROR(ReadDirectorySide(context, &it));
  RETURN_IF_ERROR(ReadAppSide(context, &it));
  RETURN_IF_ERROR(DecideCaseScope(&it));

  ExplainResponse response;
  *response.mutable_subject() = it.found.subject;
  response.set_app(it.app->app.name());
  response.set_app_id(it.app->id);
  Story(it, &response).Tell();
  return response;
}

}  // namespace purser
