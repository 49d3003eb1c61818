// What one app was sent, judged by its stream; and what it holds in the end.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/projections/app_projection.h"
#include "purser/event/v1/delivery.pb.h"
#include "tests/simulation/product/bugs.h"
#include "tests/simulation/product/directory_model.h"
#include "tests/simulation/product/replay_judge.h"

namespace purser::simulation {

// One thread.
class AppJudge {
 public:
  // All of it outlives the judge; `found` is told what did not hold.
  AppJudge(const std::string& app_id, const MemoryCluster* cluster, const Clock* clock,
           FakeApp* app, std::vector<std::string>* found);

  // Judges what has come to the log since. To be called whenever time has passed.
  void Follow();
  StreamPosition end() const { return judge_.end(); }
  int take_overs() const { return take_overs_; }
  int replays() const { return replays_.done(); }

  void AskedForReplay(const std::string& job_id) { replays_.Asked(job_id); }
  // A call of `node` arrives at the app; before the app answers, which takes `until`.
  void OnCall(const AppCall& call, int node, absl::Duration busy_for);
  // The node is no more, nor are its calls; their effects may be late.
  void Died(int node);

  // In the end. A fold made anew of the log, in `folder`: its digest.
  std::string Rebuild(const std::string& folder, const EventLog& log, BugKit* bugs);
  // After Rebuild(): every account is as the directory wants it.
  void Compare(const DirectoryModel& directory);

 private:
  struct StartedCall {
    event::v1::StartedOperation operation;
    absl::Duration stood;      // since when its latest record is valid
    StreamPosition place = 0;  // of the first one
    std::string body;          // as it was first sent
  };
  struct Busy {
    absl::Duration until;
    int node = 0;
  };

  void Hear(const event::v1::Envelope& envelope, StreamPosition position);
  void CheckOrder(const StartedCall& started, const AppCall& call);
  void CheckAccount(const std::string& resource, const AppCall& call);
  void CompareUser(const std::string& id, const ModelResource& user);
  void CompareGroup(const std::string& id, const ModelResource& group,
                    const DirectoryModel& directory);
  Lane LaneOf(const std::string& id) const;
  void Note(const std::string& what);

  const std::string app_id_;
  StreamJudge judge_;
  const Clock* const clock_;
  FakeApp* const app_;
  std::vector<std::string>* const found_;

  ReplayJudge replays_;
  bool owned_ = false;
  int take_overs_ = 0;
  std::map<std::string, StartedCall> started_;         // by operation id
  std::map<std::string, StreamPosition> last_wanted_;  // by resource
  std::map<std::string, StreamPosition> last_called_;  // by resource: the place of its operation
  std::map<std::string, Busy> busy_;                   // by resource
  std::set<std::string> accounts_;                     // of users, that were ever there
  std::map<std::string, std::string> account_of_;      // by account: whom it stands for
  std::unique_ptr<AppProjection> rebuilt_;
};

}  // namespace purser::simulation
