// One write to Replicon: several calls, one result.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connectors/api/connector.h"
#include "connectors/replicon/replicon_service.h"
#include "connectors/replicon/replicon_user.h"

namespace purser::connectors::replicon {

// What is to be written; all by field.
struct Job {
  enum Kind { kCreate, kUpdate, kEnable, kDisable, kEnd };
  Kind kind = kUpdate;
  std::string uri;  // empty for a create
  Attributes set;
  std::vector<std::string> clear;
  std::string today;  // "2026-03-09": the day of the operation
};

// Runs a job's steps one after the other and reads the user back, since a success may have changed
// nothing. Once a step took effect, a later one without a verdict makes the whole in doubt; fields
// the app would not take are left out and named. Taking access away is the first step of its job.
//
// Lives as long as its calls are under way; `service` outlives it.
class Write : public std::enable_shared_from_this<Write> {
 public:
  // Attributes and left_out of what `done` gets are by field.
  static void Run(Service* service, Job job, const Attempt& attempt, WriteDone done);

 private:
  using Step = void (Write::*)();

  Write(Service* service, Job job, const Attempt& attempt, WriteDone done);

  static std::vector<Step> StepsOf(const Job& job);
  void Next();
  void Fail(Result result);
  void Finish(Result result, const User* seen);

  // The steps.
  void ResolveDepartment();
  void ReadBefore();
  void Modify();
  void ClearEndDate();
  void SetEndDate();
  void SwitchLogin();
  void SetSupervisor();
  void ReadBack();

  // Calls; on success `then`, on a refusal Diagnose().
  void Call(Service::Operation operation, std::function<void(Answer)> then);
  // Tells a refusal for a taken name from one for a missing user, by looking.
  void Diagnose(Result refusal);
  void PutDates(const nlohmann::json& start, const nlohmann::json& end);
  nlohmann::json DatesToModify() const;
  void LeaveOut(const std::string& field);
  void Verify(Result result, const User& seen);
  std::string What() const;

  Service* const service_;
  Job job_;
  const Attempt attempt_;
  const WriteDone done_;
  const std::vector<Step> steps_;
  size_t next_step_ = 0;
  bool touched_ = false;  // a step took effect
  std::string department_uri_;
  User before_;  // as read, where a step needs it
  std::vector<std::string> left_out_;
};

}  // namespace purser::connectors::replicon
