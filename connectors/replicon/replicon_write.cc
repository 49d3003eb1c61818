#include "connectors/replicon/replicon_write.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "connectors/api/verdicts.h"

namespace purser::connectors::replicon {
namespace {

using nlohmann::json;

constexpr char kSave[] = "urn:replicon:user-modification-option:save";

bool Wants(const Job& job, const std::string& field) {
  return job.set.contains(field) ||
         std::find(job.clear.begin(), job.clear.end(), field) != job.clear.end();
}

json ValueOf(const Attributes& values, const std::string& field) {
  const auto value = values.find(field);
  return value == values.end() ? json() : value->second;
}

bool IsTrue(const json& value) { return value == true || value == "true" || value == "True"; }

// Does an update replace the employment dates, which are replaced whole?
bool TouchesDates(const Job& job) {
  return Wants(job, kStartDate) || Wants(job, kEndDate) || IsTrue(ValueOf(job.set, kLoginEnabled));
}

std::string TextOf(const json& value) { return value.is_string() ? value.get<std::string>() : ""; }

// The uri of the user that CreateUserOrApplyModifications answers with.
std::string NewUri(const json& answer) {
  if (!answer.is_object()) return "";
  const auto user = answer.find("user");
  if (user == answer.end() || !user->is_object()) return "";
  const auto uri = user->find("uri");
  return uri == user->end() ? "" : TextOf(*uri);
}

std::vector<std::string> FieldsOf(const Job& job) {
  std::vector<std::string> fields = job.clear;
  for (const auto& [field, value] : job.set) fields.push_back(field);
  return fields;
}

}  // namespace

void Write::Run(Service* service, Job job, const Attempt& attempt, WriteDone done) {
  std::shared_ptr<Write> write(new Write(service, std::move(job), attempt, std::move(done)));
  write->Next();
}

Write::Write(Service* service, Job job, const Attempt& attempt, WriteDone done)
    : service_(service),
      job_(std::move(job)),
      attempt_(attempt),
      done_(std::move(done)),
      steps_(StepsOf(job_)) {}

std::vector<Write::Step> Write::StepsOf(const Job& job) {
  switch (job.kind) {
    case Job::kDisable:
      return {&Write::SwitchLogin, &Write::ReadBack};
    case Job::kEnable:
      return {&Write::ReadBefore, &Write::ClearEndDate, &Write::SwitchLogin, &Write::ReadBack};
    case Job::kEnd:
      return {&Write::SwitchLogin, &Write::ReadBefore, &Write::SetEndDate, &Write::ReadBack};
    case Job::kCreate:
    case Job::kUpdate:
      break;
  }
  std::vector<Step> steps;
  if (job.set.contains(kDepartment)) steps.push_back(&Write::ResolveDepartment);
  if (job.kind == Job::kUpdate && TouchesDates(job)) steps.push_back(&Write::ReadBefore);
  steps.push_back(&Write::Modify);
  if (Wants(job, kSupervisor)) steps.push_back(&Write::SetSupervisor);
  steps.push_back(&Write::ReadBack);
  return steps;
}

std::string Write::What() const {
  switch (job_.kind) {
    case Job::kCreate:
      return "create a user";
    case Job::kUpdate:
      return "update a user";
    case Job::kEnable:
      return "enable a user";
    case Job::kDisable:
      return "disable a user";
    case Job::kEnd:
      return "end a user's employment";
  }
  return "";
}

void Write::Next() {
  const Step step = steps_[next_step_++];
  (this->*step)();
}

void Write::Fail(Result result) {
  const bool verdict = result.verdict == Verdict::kRefused ||
                       result.verdict == Verdict::kConflict || result.verdict == Verdict::kNotFound;
  if (touched_ && !verdict) Overrule(Verdict::kInDoubt, "a part took effect", &result);
  Finish(std::move(result), nullptr);
}

void Write::Finish(Result result, const User* seen) {
  result.left_out = left_out_;
  RemoteResource resource{.id = job_.uri};
  if (seen != nullptr) {
    resource.attributes = seen->values;
    resource.active = seen->login_enabled;
  }
  done_(std::move(result), std::move(resource));
}

void Write::LeaveOut(const std::string& field) {
  left_out_.push_back(field);
  job_.set.erase(field);
  job_.clear.erase(std::remove(job_.clear.begin(), job_.clear.end(), field), job_.clear.end());
}

void Write::ResolveDepartment() {
  const std::string name = TextOf(job_.set[kDepartment]);
  service_->FindDepartment(attempt_, name,
                           [self = shared_from_this()](Result result, std::string uri) {
                             if (!result.ok()) return self->Fail(std::move(result));
                             if (uri.empty()) self->LeaveOut(kDepartment);
                             self->department_uri_ = std::move(uri);
                             self->Next();
                           });
}

void Write::ReadBefore() {
  service_->ReadUsers(attempt_, What(), {UserTarget("uri", job_.uri)},
                      [self = shared_from_this()](Result result, std::vector<User> users) {
                        if (!result.ok()) return self->Fail(std::move(result));
                        if (users.empty()) {
                          Overrule(Verdict::kNotFound, "there is no such user", &result);
                          return self->Fail(std::move(result));
                        }
                        self->before_ = std::move(users[0]);
                        self->Next();
                      });
}

json Write::DatesToModify() const {
  if (job_.kind == Job::kCreate) {
    const bool given = job_.set.contains(kStartDate);
    return DateRange(given ? job_.set.at(kStartDate) : json(job_.today),
                     ValueOf(job_.set, kEndDate));
  }
  const json start =
      Wants(job_, kStartDate) ? ValueOf(job_.set, kStartDate) : ValueOf(before_.values, kStartDate);
  if (Wants(job_, kEndDate)) return DateRange(start, ValueOf(job_.set, kEndDate));
  const bool enables = IsTrue(ValueOf(job_.set, kLoginEnabled));
  return DateRange(start, enables ? json() : ValueOf(before_.values, kEndDate));
}

void Write::Modify() {
  Modifications made = ModificationsFor(job_.set, job_.clear, department_uri_);
  for (const std::string& field : made.left_out) LeaveOut(field);
  const bool enables_only = !Wants(job_, kStartDate) && !Wants(job_, kEndDate);
  const bool ended = before_.values.contains(kEndDate);
  if (job_.kind == Job::kCreate || (TouchesDates(job_) && (!enables_only || ended))) {
    made.body["employmentDateRange"] = {{"value", DatesToModify()}};
  }
  if (made.body.empty()) return Next();
  const json target = job_.uri.empty() ? json() : UserTarget("uri", job_.uri);
  Call({.what = What(),
        .name = "ImportService2.svc/CreateUserOrApplyModifications",
        .body = {{"target", target},
                 {"modifications", std::move(made.body)},
                 {"userModificationOptionUri", kSave},
                 {"unitOfWorkId", attempt_.call.operation_id}},
        .fields = FieldsOf(job_)},
       [this](Answer answer) {
         const std::string uri = NewUri(answer.body);
         if (job_.uri.empty()) job_.uri = uri;
         if (!job_.uri.empty()) return Next();
         Overrule(Verdict::kInDoubt, "the new user has no uri", &answer.result);
         Finish(std::move(answer.result), nullptr);
       });
}

void Write::ClearEndDate() {
  if (!before_.values.contains(kEndDate)) return Next();
  PutDates(ValueOf(before_.values, kStartDate), nullptr);
}

void Write::SetEndDate() {
  const std::string start = TextOf(ValueOf(before_.values, kStartDate));
  const std::string end = TextOf(ValueOf(before_.values, kEndDate));
  if (!end.empty() && end <= job_.today) return Next();
  PutDates(start.empty() ? json() : json(start), std::max(start, job_.today));
}

void Write::PutDates(const json& start, const json& end) {
  Call({.what = What(),
        .name = "UserService1.svc/UpdateEmploymentDateRange",
        .body = {{"userUri", job_.uri}, {"dateRange", DateRange(start, end)}},
        .fields = {kStartDate, kEndDate}},
       [this](Answer) { Next(); });
}

void Write::SwitchLogin() {
  const bool enable = job_.kind == Job::kEnable;
  Call({.what = What(),
        .name = enable ? "SecurityService1.svc/EnableLogin" : "SecurityService1.svc/DisableLogin",
        .body = {{"userUri", job_.uri}},
        .fields = {kLoginEnabled}},
       [this](Answer) { Next(); });
}

void Write::SetSupervisor() {
  const json supervisor = ValueOf(job_.set, kSupervisor);
  if (supervisor == job_.uri) {  // nobody supervises himself there
    LeaveOut(kSupervisor);
    return Next();
  }
  Call({.what = What(),
        .name = "UserService1.svc/UpdateSupervisorAssignmentScheduleOverDateRange",
        .body = {{"userUri", job_.uri}, {"supervisorUri", supervisor}, {"dateRange", nullptr}},
        .fields = {kSupervisor}},
       [this](Answer) { Next(); });
}

void Write::Call(Service::Operation operation, std::function<void(Answer)> then) {
  const std::string field = operation.fields.empty() ? "" : operation.fields.back();
  service_->Invoke(attempt_, std::move(operation),
                   [self = shared_from_this(), field, then = std::move(then)](Answer answer) {
                     Result& result = answer.result;
                     if (result.ok()) {
                       self->touched_ = true;
                       return then(std::move(answer));
                     }
                     if (result.verdict != Verdict::kRefused) return self->Fail(std::move(result));
                     if (!self->touched_) return self->Diagnose(std::move(result));
                     self->LeaveOut(field);
                     self->Next();
                   });
}

void Write::Diagnose(Result refusal) {
  const bool creating = job_.uri.empty();
  json target =
      creating ? json{{"loginName", ValueOf(job_.set, kLoginName)}} : UserTarget("uri", job_.uri);
  service_->ReadUsers(attempt_, What(), {std::move(target)},
                      [self = shared_from_this(), creating, refusal = std::move(refusal)](
                          Result read, std::vector<User> users) mutable {
                        if (read.ok() && creating && !users.empty()) {
                          Overrule(Verdict::kConflict, "the login name is taken", &refusal);
                        } else if (read.ok() && !creating && users.empty()) {
                          Overrule(Verdict::kNotFound, "there is no such user", &refusal);
                        } else if (read.ok() && !creating && self->job_.kind != Job::kUpdate &&
                                   users[0].login_enabled == (self->job_.kind == Job::kEnable)) {
                          return self->Next();  // it is as it should be
                        }
                        self->Fail(std::move(refusal));
                      });
}

void Write::ReadBack() {
  service_->ReadUsers(attempt_, absl::StrCat(What(), ", read back"), {UserTarget("uri", job_.uri)},
                      [self = shared_from_this()](Result result, std::vector<User> users) {
                        if (!result.ok() || users.empty()) {
                          Overrule(Verdict::kInDoubt, "it could not be read back", &result);
                          return self->Finish(std::move(result), nullptr);
                        }
                        self->Verify(std::move(result), users[0]);
                      });
}

void Write::Verify(Result result, const User& seen) {
  Attributes wanted = job_.set;
  if (job_.kind == Job::kDisable || job_.kind == Job::kEnd) wanted = {{kLoginEnabled, false}};
  if (job_.kind == Job::kEnable) wanted = {{kLoginEnabled, true}};
  const std::vector<std::string> differing = Differences(wanted, job_.clear, seen);
  const bool access =
      std::find(differing.begin(), differing.end(), kLoginEnabled) != differing.end();
  const bool nothing = differing.size() == wanted.size() + job_.clear.size();
  if (!differing.empty() && job_.kind != Job::kCreate && (access || nothing)) {
    Overrule(Verdict::kRefused,
             absl::StrCat("it was told done, and not done: ", absl::StrJoin(differing, ", ")),
             &result);
  } else {
    for (const std::string& field : differing) LeaveOut(field);
  }
  Finish(std::move(result), &seen);
}

}  // namespace purser::connectors::replicon
