// A directory, an app and a log that misbehave at random, from one seed; and what must hold all the
// same.
#pragma once

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/support/delivery/delivery_rig.h"

namespace purser {

// Bugs that a connector's wrapper plays, to see that they are found.
enum class Planted {
  kNone,
  kCallWithoutStart,      // a write that no record announced
  kCreateWithoutLookUp,   // searches find nothing
  kDoubtTakenForRefusal,  // a lost reply is told as a refusal
  kSecondBodyDiffers,     // the same operation, sent again, with another body
};

class DeliverySimulation {
 public:
  explicit DeliverySimulation(uint64_t seed, Planted planted = Planted::kNone);

  // Random steps, then peace; what did not hold.
  std::vector<std::string> Run(int steps);
  // No chance: an update whose reply is lost, and that the directory then takes back.
  std::vector<std::string> RunRevert();

 private:
  struct User {
    std::string name;
    std::string title;
    std::string manager;
    bool active = true;
  };
  struct Group {
    std::string name;
    std::set<std::string> members;
  };

  int Below(int limit) { return static_cast<int>(random_() % static_cast<uint64_t>(limit)); }
  bool Chance(double share) { return Below(1000) < static_cast<int>(share * 1000); }
  void Note(const std::string& what) { found_.push_back(what); }

  void Step();
  void ChangeDirectory();
  void ChangeUser(const std::string& id, User* user);
  void ChangeGroup();
  void Restart();
  void Misbehave();
  Fault OnCall(const AppCall& call);
  void CheckStarted(const AppCall& call);
  void ReadStarted();
  std::string FreeName();

  void MakePeace();
  bool NameIsKept(std::string id);
  void CompareUsers();
  void CompareGroups();
  void CheckOrder();

  std::mt19937_64 random_;
  DeliveryRig rig_;
  std::map<std::string, User> users_;
  std::map<std::string, Group> groups_;
  int next_user_ = 0;
  int next_group_ = 0;
  double fault_share_ = 0;
  double log_fault_share_ = 0;
  bool vanished_ = false;
  size_t records_read_ = 0;
  // Of each operation: when it was last started, and what was sent first.
  std::map<std::string, absl::Time> started_at_;
  std::map<std::string, event::v1::StartedOperation> started_;
  std::map<std::string, std::string> bodies_;
  std::map<std::string, absl::Duration> busy_until_;  // by resource
  std::vector<std::string> found_;
};

}  // namespace purser
