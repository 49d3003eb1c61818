#include "connectors/replicon/replicon_connector.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status.h"

namespace purser::connectors {
namespace {

using nlohmann::json;
using replicon::Job;
using replicon::Service;
using replicon::User;

constexpr int kPageSize = 100;

Result NoGroups(absl::string_view what) {
  return MakeResult(Verdict::kUnsupported, what, "Replicon has no groups");
}

std::string CellText(const json& cell, const char* key) {
  if (!cell.is_object()) return "";
  const auto text = cell.find(key);
  return text != cell.end() && text->is_string() ? text->get<std::string>() : "";
}

// The rows of UserListService1: the user's uri, and his login name.
struct Row {
  std::string uri;
  std::string login_name;
};

std::vector<Row> RowsOf(const json& list) {
  std::vector<Row> rows;
  const auto found = list.is_object() ? list.find("rows") : list.end();
  if (found == list.end() || !found->is_array()) return rows;
  for (const json& row : *found) {
    const auto cells = row.is_object() ? row.find("cells") : row.end();
    if (cells == row.end() || !cells->is_array()) continue;
    Row parsed;
    if (!cells->empty()) parsed.uri = CellText((*cells)[0], "uri");
    if (cells->size() > 1) parsed.login_name = CellText((*cells)[1], "textValue");
    rows.push_back(std::move(parsed));
  }
  return rows;
}

Service::Operation ListOperation(int64_t page, int page_size, json filter) {
  return {
      .what = "list users",
      .name = "UserListService1.svc/GetData",
      .body = {
          {"page", page},
          {"pagesize", page_size},
          {"columnUris",
           {"urn:replicon:user-list-column:user", "urn:replicon:user-list-column:login-name",
            "urn:replicon:user-list-column:employee-id", "urn:replicon:user-list-column:enabled"}},
          {"sort", json::array()},
          {"filterExpression", std::move(filter)}}};
}

json LoginNameContains(const std::string& text) {
  return {{"leftExpression", {{"filterDefinitionUri", "urn:replicon:user-list-filter:login-name"}}},
          {"operatorUri", "urn:replicon:filter-operator:text-search"},
          {"rightExpression", {{"value", {{"text", text}}}}}};
}

std::vector<json> TargetsByUri(const std::vector<std::string>& uris) {
  std::vector<json> targets;
  for (const std::string& uri : uris) targets.push_back(replicon::UserTarget("uri", uri));
  return targets;
}

// What a create cannot do without, by field; empty where all is there.
std::string MissingField(const Attributes& set) {
  for (const char* field : {replicon::kFirstName, replicon::kLastName, replicon::kLoginName}) {
    if (!set.contains(field)) return field;
  }
  return "";
}

}  // namespace

absl::StatusOr<std::unique_ptr<RepliconConnector>> RepliconConnector::Make(
    const config::v1::App& app, HttpClient* http, SecretResolver secrets, const Clock& clock) {
  RETURN_IF_ERROR(Service::Validate(app));
  ASSIGN_OR_RETURN(replicon::Fields fields, replicon::Fields::Of(app.users()));
  absl::TimeZone zone = absl::UTCTimeZone();
  if (!app.time_zone().empty() && !absl::LoadTimeZone(app.time_zone(), &zone)) {
    return absl::InvalidArgumentError(absl::StrCat("time_zone ", app.time_zone(), " is not known"));
  }
  return std::unique_ptr<RepliconConnector>(
      new RepliconConnector(app, std::move(fields), zone, http, std::move(secrets), clock));
}

RepliconConnector::RepliconConnector(const config::v1::App& app, replicon::Fields fields,
                                     absl::TimeZone zone, HttpClient* http, SecretResolver secrets,
                                     const Clock& clock)
    : fields_(std::move(fields)),
      zone_(zone),
      page_size_(app.dialect().page_size() == 0 ? kPageSize
                                                : static_cast<int>(app.dialect().page_size())),
      service_(app, http, std::move(secrets), clock) {}

void RepliconConnector::Check(const Call& call, CheckDone done) {
  service_.Forget();
  Service::Operation ask{.what = "test the connection",
                         .name = "UserAccessControlService1.svc/GetMyIdentity"};
  service_.Invoke(service_.Begin(call), std::move(ask), [done = std::move(done)](Answer answer) {
    if (answer.result.ok() && answer.body.is_null()) {
      Overrule(Verdict::kNotTheProtocol, "it does not say who we are", &answer.result);
    }
    done(OfQuestion(std::move(answer.result)));
  });
}

void RepliconConnector::Find(ResourceType type, const std::string& attribute,
                             const std::string& value, const Call& call, ResourcesDone done) {
  const std::string field = replicon::FieldOf(attribute);
  if (type != ResourceType::kUser) return done(NoGroups("find a group"), {});
  if (field != replicon::kLoginName && field != replicon::kEmployeeId) {
    return done(MakeResult(Verdict::kUnsupported, "find a user",
                           "Replicon finds users by loginName and employeeId alone"),
                {});
  }
  const Attempt attempt = service_.Begin(call);
  std::vector<json> targets = {replicon::UserTarget(field, value)};
  service_.ReadUsers(attempt, "find a user", std::move(targets),
                     [this, attempt, field, value, done = std::move(done)](
                         Result result, std::vector<User> users) mutable {
                       const bool search =
                           result.verdict == Verdict::kRefused && field == replicon::kLoginName;
                       if (search) return SearchLoginName(value, attempt, std::move(done));
                       done(std::move(result), ToResources(users));
                     });
}

void RepliconConnector::SearchLoginName(const std::string& login_name, const Attempt& attempt,
                                        ResourcesDone done) {
  Service::Operation search = ListOperation(1, page_size_, LoginNameContains(login_name));
  search.what = "find a user";
  service_.Invoke(attempt, std::move(search),
                  [this, attempt, login_name, done = std::move(done)](Answer answer) mutable {
                    if (!answer.result.ok()) return done(OfQuestion(std::move(answer.result)), {});
                    std::vector<json> targets;
                    for (const Row& row : RowsOf(answer.body)) {
                      if (absl::EqualsIgnoreCase(row.login_name, login_name)) {
                        targets.push_back(replicon::UserTarget("uri", row.uri));
                      }
                    }
                    if (targets.empty()) return done(std::move(answer.result), {});
                    service_.ReadUsers(
                        attempt, "find a user", std::move(targets),
                        [this, done = std::move(done)](Result result, std::vector<User> users) {
                          done(std::move(result), ToResources(users));
                        });
                  });
}

void RepliconConnector::Read(ResourceType type, const std::string& id, bool /*with_members*/,
                             const Call& call, ResourcesDone done) {
  if (type != ResourceType::kUser) return done(NoGroups("read a group"), {});
  std::vector<json> targets = {replicon::UserTarget("uri", id)};
  service_.ReadUsers(service_.Begin(call), "read a user", std::move(targets),
                     [this, id, done = std::move(done)](Result result, std::vector<User> users) {
                       if (result.ok() && users.empty()) {
                         Overrule(Verdict::kNotFound, "there is no such user", &result);
                       } else if (result.ok() && users[0].uri != id) {
                         Overrule(Verdict::kNotTheProtocol, "it shows another user", &result);
                         users.clear();
                       }
                       done(std::move(result), ToResources(users));
                     });
}

void RepliconConnector::List(ResourceType type, const std::string& cursor, const Call& call,
                             PageDone done) {
  if (type != ResourceType::kUser) return done(NoGroups("list groups"), {});
  int64_t number = 1;
  if (!absl::SimpleAtoi(cursor, &number) || number < 1) number = 1;
  const Attempt attempt = service_.Begin(call);
  service_.Invoke(attempt, ListOperation(number, page_size_, nullptr),
                  [this, attempt, number, done = std::move(done)](Answer answer) mutable {
                    if (!answer.result.ok()) return done(OfQuestion(std::move(answer.result)), {});
                    if (!answer.body.is_object() || !answer.body.contains("rows")) {
                      Overrule(Verdict::kNotTheProtocol, "it is no list of users", &answer.result);
                      return done(std::move(answer.result), {});
                    }
                    const std::vector<Row> rows = RowsOf(answer.body);
                    Page page;
                    if (rows.size() >= static_cast<size_t>(page_size_))
                      page.next = absl::StrCat(number + 1);
                    std::vector<std::string> uris;
                    for (const Row& row : rows) {
                      if (!row.uri.empty()) uris.push_back(row.uri);
                    }
                    if (uris.empty()) return done(std::move(answer.result), std::move(page));
                    ReadPage(attempt, std::move(uris), std::move(page), std::move(done));
                  });
}

void RepliconConnector::ReadPage(const Attempt& attempt, std::vector<std::string> uris, Page page,
                                 PageDone done) {
  std::vector<json> targets = TargetsByUri(uris);
  service_.ReadUsers(attempt, "list users", std::move(targets),
                     [this, page = std::move(page), done = std::move(done)](
                         Result result, std::vector<User> users) mutable {
                       if (!result.ok()) return done(std::move(result), {});
                       page.resources = ToResources(users);
                       done(std::move(result), std::move(page));
                     });
}

void RepliconConnector::Create(ResourceType type, const Attributes& wanted, const Call& call,
                               WriteDone done) {
  if (type != ResourceType::kUser) return done(NoGroups("create a group"), {});
  Job job{.kind = Job::kCreate, .set = replicon::Fields::ToFields(wanted)};
  if (const std::string missing = MissingField(job.set); !missing.empty()) {
    return done(MakeResult(Verdict::kRefused, "create a user",
                           absl::StrCat(fields_.TargetOf(missing), " is missing")),
                {});
  }
  job.set.try_emplace(replicon::kLoginEnabled, true);
  Write(std::move(job), call, std::move(done));
}

void RepliconConnector::Update(ResourceType type, const std::string& id, const Changes& changes,
                               const Call& call, WriteDone done) {
  if (type != ResourceType::kUser) return done(NoGroups("update a group"), {});
  Job job{.kind = Job::kUpdate, .uri = id, .set = replicon::Fields::ToFields(changes.set)};
  for (const std::string& target : changes.clear) {
    if (const std::string field = replicon::FieldOf(target); !field.empty()) {
      job.clear.push_back(field);
    }
  }
  // A user is renamed in both names at once.
  const Attributes wanted = replicon::Fields::ToFields(changes.wanted);
  const auto sso_name = wanted.find(replicon::kSsoName);
  if (job.set.contains(replicon::kLoginName) && sso_name != wanted.end()) {
    job.set.try_emplace(replicon::kSsoName, sso_name->second);
  }
  Write(std::move(job), call, std::move(done));
}

void RepliconConnector::SetActive(const std::string& id, bool active, const Call& call,
                                  WriteDone done) {
  Write({.kind = active ? Job::kEnable : Job::kDisable, .uri = id}, call, std::move(done));
}

void RepliconConnector::Delete(ResourceType type, const std::string& id, const Call& call,
                               WriteDone done) {
  if (type != ResourceType::kUser) return done(NoGroups("delete a group"), {.id = id});
  Write({.kind = Job::kEnd, .uri = id}, call, std::move(done));
}

void RepliconConnector::ChangeMembers(const std::string& group_id, const MemberChanges& /*changes*/,
                                      const Call& /*call*/, WriteDone done) {
  done(NoGroups("change the members of a group"), {.id = group_id});
}

void RepliconConnector::Write(Job job, const Call& call, WriteDone done) {
  job.today = replicon::DayOf(call.operation_id, service_.Now(), zone_);
  replicon::Write::Run(&service_, std::move(job), service_.Begin(call),
                       [this, done = std::move(done)](Result result, RemoteResource resource) {
                         resource.attributes = fields_.ToTargets(resource.attributes);
                         for (std::string& field : result.left_out) {
                           field = fields_.TargetOf(field);
                         }
                         done(std::move(result), std::move(resource));
                       });
}

RemoteResource RepliconConnector::ToResource(const User& user) const {
  return {
      .id = user.uri, .attributes = fields_.ToTargets(user.values), .active = user.login_enabled};
}

std::vector<RemoteResource> RepliconConnector::ToResources(const std::vector<User>& users) const {
  std::vector<RemoteResource> resources;
  for (const User& user : users) resources.push_back(ToResource(user));
  return resources;
}

}  // namespace purser::connectors
