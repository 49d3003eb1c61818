// An application in memory, and the connector that speaks to it: its rules, its faults, and all
// that it was asked.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/base/clock.h"
#include "connectors/api/connector.h"

namespace purser {

// What goes wrong with one call.
enum class Fault {
  kNone,
  kLostBefore,  // no effect, and the reply never comes
  kLostAfter,   // an effect, and the reply never comes
  kLostLate,    // the reply never comes, the effect a second after that
  kThrottled,
  kUnauthenticated,
  kNotConfigured,  // nothing is sent: its secret is not there
  kRefused,
  kServerError,  // 500, without an effect
  kServerErrorAfter,
  kUnavailable,
  kNotTheProtocol,
};

// One call as it arrived.
struct AppCall {
  std::string verb;  // "check", "find", "read", "create", "update", "activate", "disable",
                     // "delete", "members"
  connectors::ResourceType type = connectors::ResourceType::kUser;
  std::string id;    // of the account
  std::string name;  // looked for, or sent
  std::string operation_id;
  std::string request_id;
  std::string trace_parent;
  std::string body;  // all that was sent
  absl::Duration at;
  Fault fault = Fault::kNone;
  bool took_effect = false;  // a write that changed something

  bool writes() const { return verb != "check" && verb != "find" && verb != "read"; }
};

struct FakeAppOptions {
  connectors::Capabilities capabilities = {.groups = true};
  bool unique_names = true;
  bool ignores_filter = false;
  absl::Duration latency = absl::Milliseconds(20);
};

// The application: outlives the programs that speak to it. One thread.
class FakeApp {
 public:
  struct Account {
    std::string id;
    connectors::Attributes values;
    bool active = true;
    std::set<std::string> members;
  };
  using Accounts = std::map<std::string, Account>;

  FakeApp(const Clock* clock, FakeAppOptions options) : options(options), clock_(clock) {}

  FakeAppOptions options;
  // Asked of each call.
  std::function<Fault(const AppCall&)> fault;
  std::optional<absl::Duration> retry_after;
  bool refuses_delete = false;  // 405, though its capabilities say otherwise
  // Names, in lower case, that a search does not show.
  std::set<std::string> hidden;

  Accounts users;
  Accounts groups;
  std::vector<AppCall> calls;
  // Effects that are still to come, by when.
  std::multimap<absl::Duration, std::function<void()>> late;

  // Hands on an answer that is due; by default its receiver is called at once.
  using Post = std::function<void(std::function<void()>)>;
  std::unique_ptr<connectors::Connector> Connect(Post post = nullptr);

  // Answers what is due; true if anything was.
  bool RunOnce();
  absl::Duration NextDue() const;
  absl::Duration Now() const { return clock_->SinceBoot(); }
  // The program that asked died: nobody hears the answers.
  void Crash() { replies_.clear(); }

  // The account of that name, nullptr where there is none.
  Account* Find(connectors::ResourceType type, const std::string& name);
  Account* User(const std::string& name) { return Find(connectors::ResourceType::kUser, name); }
  Account* Group(const std::string& name) { return Find(connectors::ResourceType::kGroup, name); }
  std::set<std::string> Names(connectors::ResourceType type) const;
  // How many calls of that verb arrived, of any account or of that name or id.
  int Count(const std::string& verb, const std::string& name = "") const;
  int Writes() const;
  Account& Add(connectors::ResourceType type, const std::string& name);

  // For the connector.
  Accounts& Of(connectors::ResourceType type) {
    return type == connectors::ResourceType::kGroup ? groups : users;
  }
  static const char* NameOf(connectors::ResourceType type) {
    return type == connectors::ResourceType::kGroup ? "displayName" : "userName";
  }
  using Effect = std::function<connectors::Result(bool* changed)>;
  // Notes the call, does what the fault leaves of `effect`, and answers later.
  void Arrive(AppCall call, const connectors::Call& asked, const Effect& effect,
              std::function<void(const connectors::Result&)> reply);
  std::string NewId() { return "a" + std::to_string(++next_id_); }

 private:
  const Clock* const clock_;
  int next_id_ = 0;
  std::multimap<absl::Duration, std::function<void()>> replies_;
};

}  // namespace purser
