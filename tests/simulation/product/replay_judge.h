// Whether the replays of one app read what they were to read, and end.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "purser/event/v1/delivery.pb.h"
#include "purser/event/v1/envelope.pb.h"
#include "tests/support/delivery/fake_app.h"

namespace purser::simulation {

// One thread.
class ReplayJudge {
 public:
  // Both outlive it; `found` is told what did not hold.
  ReplayJudge(const FakeApp* app, std::vector<std::string>* found) : app_(app), found_(found) {}

  // Somebody asks for the replay `job_id`; whatever the app is asked from now on counts for it.
  void Asked(const std::string& job_id) { asked_at_[job_id] = reads_; }
  // The next record of the app's stream.
  void Hear(const event::v1::Envelope& envelope);
  // A call arrives at the app.
  void OnCall(const AppCall& call);
  // Peace has come, and nothing goes on.
  void CheckEnd() const;

  // How many ended as they were to.
  int done() const { return done_; }

 private:
  void Link(const event::v1::Outcome& outcome);
  void Begin(const event::v1::AppCommand& command);
  void End(const event::v1::AppNote& note);

  const FakeApp* const app_;
  std::vector<std::string>* const found_;
  std::map<std::string, std::string> resource_of_;  // by account
  int reads_ = 0;
  std::map<std::string, int> last_read_;  // by account: which of the reads
  std::map<std::string, int> asked_at_;   // by job: after how many reads
  // By job that has not ended: the accounts that nobody asked the app for since.
  std::map<std::string, std::set<std::string>> unread_;
  int done_ = 0;
};

}  // namespace purser::simulation
