// One call of Replicon's web services: where they are, how one logs in, what an answer means.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "connectors/api/app_client.h"
#include "connectors/replicon/replicon_user.h"

namespace purser::connectors::replicon {

// Overrules the verdict by status: a fault whose code is Sender is kRefused whatever the status, a
// time-out told by a 500 is kInDoubt, a 2xx without `d` is kNotTheProtocol. On success the answer's
// body becomes the value of `d`.
void JudgeAnswer(Answer* answer);

// May the credentials that were meant for `discovery` be sent to `root`? The same host, hosts of
// one owner (global.replicon.com, na1.replicon.com), or both loopback.
bool MayTrustRoot(absl::string_view discovery, absl::string_view root);

// The root of a tenant's services, "https://na1.replicon.com/acme/", out of what discovery tells:
// on the swimlane `domain` where the service names several; empty where it names none.
std::string RootOf(const nlohmann::json& tenant, const std::string& company_key,
                   const std::string& domain);

// How the service is told which user: by "uri", "loginName" or "employeeId", never by two.
nlohmann::json UserTarget(const std::string& identifier, const nlohmann::json& value);

// Thread-compatible. Keeps the discovered root and the departments until Forget(); the latter for
// ten minutes, and an unknown name asks again after one.
class Service {
 public:
  // InvalidArgument where the address or a part of the credentials is missing.
  static absl::Status Validate(const config::v1::App& app);

  // `app` is valid. `http` and `clock` outlive the service.
  Service(const config::v1::App& app, HttpClient* http, SecretResolver secrets, const Clock& clock);

  Attempt Begin(const Call& call) const { return client_.Begin(call); }
  absl::Time Now() const { return client_.Now(); }

  struct Operation {
    std::string what;  // "create a user"
    std::string name;  // "ImportService1.svc/BulkGetUsers3"
    nlohmann::json body = nlohmann::json::object();
    std::vector<std::string> fields = {};
  };
  // Discovers the root where it is not known, and calls.
  void Invoke(const Attempt& attempt, Operation operation, AppClient::AnswerDone done);

  // The users of BulkGetUsers3 by one identifier each: {"uri": ..}, {"loginName": ..} or
  // {"employeeId": ..}. Absent ones are left out. A question: nothing is left in doubt.
  using UsersDone = std::function<void(Result, std::vector<User>)>;
  void ReadUsers(const Attempt& attempt, const std::string& what,
                 std::vector<nlohmann::json> targets, UsersDone done);

  // The uri of the enabled department of that name; empty where there is none, or where the login
  // may not see them.
  using DepartmentDone = std::function<void(Result, std::string uri)>;
  void FindDepartment(const Attempt& attempt, const std::string& name, DepartmentDone done);

  void Forget();

 private:
  struct Place {  // where the services are, and for which tenant
    std::string root;
    std::string company_key;
  };
  using PlaceDone = std::function<void(Result, Place)>;

  void Locate(const Attempt& attempt, PlaceDone done);
  void Discover(const Attempt& attempt, const std::string& discovery,
                const std::string& company_key, PlaceDone done);
  std::string DepartmentNamed(const std::string& name) const;

  const config::v1::App app_;
  AppClient client_;
  std::optional<Place> place_;
  std::string place_for_;  // the discovery root and company it was found for
  std::map<std::string, std::string> departments_;  // uri by name in lower case
  absl::Time departments_read_ = absl::InfinitePast();
};

}  // namespace purser::connectors::replicon
