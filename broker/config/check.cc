#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/base/nearest.h"
#include "broker/base/status.h"
#include "broker/config/check_events.h"
#include "broker/config/check_name.h"
#include "broker/config/check_schemas.h"
#include "broker/config/configuration.h"
#include "broker/config/reference.h"
#include "broker/domain/request_limits.h"
#include "broker/mapping/mapping.h"
#include "broker/mapping/scoping_filter.h"

namespace purser::config {
namespace {

using config::v1::App;
using config::v1::Directory;
using config::v1::MappingRow;
using config::v1::ResourceMapping;

// Checks one app, as it was written and complete.
class AppChecker {
 public:
  AppChecker(const App& app, const TemplateSource& templates, const Directory& directory)
      : app_(app), templates_(templates), directory_(directory) {}

  std::vector<Problem> Check();

 private:
  bool Complete();
  void CheckConnector();
  void CheckUrl();
  void CheckCredentials();
  void CheckSecret(absl::string_view path, const std::string& secret, bool needed);
  void CheckReference(absl::string_view path, const std::string& text);
  void CheckMappingOf(event::v1::ResourceType type, absl::string_view field,
                      const ResourceMapping& own, const ResourceMapping& base);
  void CheckMatches(absl::string_view field, const ResourceMapping& own,
                    const ResourceMapping& base);
  void CheckActions(absl::string_view field, const ResourceMapping& mapping,
                    absl::string_view instead);
  void CheckScope();
  void CheckRoles();
  void CheckLimits();
  void CheckNotify();

  void Add(absl::string_view path, absl::string_view message) {
    const auto same = [&](const Problem& p) { return p.path == path && p.message == message; };
    if (std::none_of(problems_.begin(), problems_.end(), same)) {
      problems_.push_back({std::string(path), std::string(message)});
    }
  }
  void Add(absl::string_view path, const absl::Status& status) {
    if (!status.ok()) Add(path, status.message());
  }

  const App& app_;
  const TemplateSource& templates_;
  const Directory& directory_;
  App base_;      // the template
  App complete_;  // what the app comes to
  std::vector<Problem> problems_;
};

std::vector<Problem> AppChecker::Check() {
  Add("name", CheckName(app_.name()));
  if (!Complete()) return std::move(problems_);
  CheckConnector();
  CheckUrl();
  CheckCredentials();
  CheckMappingOf(event::v1::USER, "users", app_.users(), base_.users());
  CheckMappingOf(event::v1::GROUP, "groups", app_.groups(), base_.groups());
  CheckActions("users.actions", complete_.users(), "mode: read_only");
  CheckActions("groups.actions", complete_.groups(), "groups.enabled: off");
  CheckScope();
  CheckRoles();
  CheckLimits();
  CheckNotify();
  return std::move(problems_);
}

bool AppChecker::Complete() {
  if (!app_.template_().empty()) {
    auto base = FindTemplate(templates_, app_.template_());
    Add("template", base.status());
    if (!base.ok()) return false;
    base_ = *std::move(base);
  }
  complete_ = MergeTemplate(base_, app_);
  return true;
}

void AppChecker::CheckConnector() {
  static const auto* const kConnectors = new std::vector<std::string>{"scim", "replicon"};
  const std::string& connector = complete_.connector();
  if (connector.empty()) {
    return Add("connector",
               absl::StrCat("say a template (", absl::StrJoin(templates_.names, ", "),
                            ") or a connector (", absl::StrJoin(*kConnectors, ", "), ")"));
  }
  if (std::find(kConnectors->begin(), kConnectors->end(), connector) == kConnectors->end()) {
    Add("connector",
        absl::StrCat("unknown connector \"", connector, "\"", DidYouMean(connector, *kConnectors),
                     "; known: ", absl::StrJoin(*kConnectors, ", ")));
  }
}

void AppChecker::CheckUrl() {
  const std::string& url = complete_.url();
  if (url.empty()) return Add("url", "the app's address is needed");
  if (HasReference(url)) return CheckReference("url", url);
  Add("url", CheckAppUrl(url));
}

void AppChecker::CheckReference(absl::string_view path, const std::string& text) {
  if (HasReference(text)) Add(path, CheckReferences(text));
}

void AppChecker::CheckSecret(absl::string_view path, const std::string& secret, bool needed) {
  if (!secret.empty()) return Add(path, CheckSecretReference(secret));
  if (needed) {
    Add(path, "the secret is missing; write a reference to it, ${env:NAME} or ${file:/path}");
  }
}

void AppChecker::CheckCredentials() {
  const auto& credentials = complete_.credentials();
  const auto& token = credentials.bearer_token();
  const auto& password = credentials.password();
  const bool by_password = complete_.connector() == "replicon";
  CheckSecret("credentials.bearer_token.secret", token.secret(),
              complete_.connector() == "scim" || credentials.has_bearer_token());
  CheckSecret("credentials.bearer_token.second_secret", token.second_secret(), false);
  CheckSecret("credentials.password.password", password.password(),
              by_password || credentials.has_password());
  CheckSecret("credentials.password.second_password", password.second_password(), false);
  if (by_password && password.username().empty()) {
    Add("credentials.password.username", "the administrator's user name is missing");
  }
  if (by_password && password.company_id().empty()) {
    Add("credentials.password.company_id", "the company's key is missing");
  }
  if (credentials.has_bearer_token() && credentials.has_password()) {
    Add("credentials", "both a bearer token and a password stand here; keep one");
  }
  CheckReference("credentials.password.username", password.username());
  CheckReference("credentials.password.company_id", password.company_id());
  CheckReference("credentials.password.domain", password.domain());
}

// The row of `mapping` whose target is `target`, as a path of the file; `field` itself where the
// row is the template's.
std::string RowPath(absl::string_view field, const ResourceMapping& mapping,
                    const mapping::MappingProblem& problem) {
  if (problem.target.empty() && problem.field == "time_zone") return problem.field;
  for (int i = mapping.rows_size() - 1; i >= 0; --i) {
    if (mapping::CanonicalTarget(mapping.rows(i).target()) ==
        mapping::CanonicalTarget(problem.target)) {
      return absl::StrCat(field, ".rows[", i, "].", problem.field);
    }
  }
  return absl::StrCat(field, ".", problem.field);
}

void AppChecker::CheckMappingOf(event::v1::ResourceType type, absl::string_view field,
                                const ResourceMapping& own, const ResourceMapping& base) {
  for (const auto& problem : mapping::CheckMapping(complete_, type, directory_)) {
    const std::string row =
        problem.target.empty() ? "" : absl::StrCat("attribute ", problem.target, ": ");
    Add(RowPath(field, own, problem), absl::StrCat(row, problem.message));
  }
  CheckMatches(field, own, base);
}

// Only the template's matching attributes may be relied on in a filter of the app.
void AppChecker::CheckMatches(absl::string_view field, const ResourceMapping& own,
                              const ResourceMapping& base) {
  if (app_.template_().empty()) return;
  std::vector<std::string> allowed;
  for (const MappingRow& row : base.rows()) {
    if (row.match() != 0) allowed.push_back(mapping::CanonicalTarget(row.target()));
  }
  for (int i = 0; i < own.rows_size(); ++i) {
    const MappingRow& row = own.rows(i);
    if (row.match() == 0 || row.force_match()) continue;
    if (std::find(allowed.begin(), allowed.end(), mapping::CanonicalTarget(row.target())) !=
        allowed.end()) {
      continue;
    }
    Add(absl::StrCat(field, ".rows[", i, "].match"),
        absl::StrCat("attribute ", row.target(), ": template ", app_.template_(), " matches by ",
                     allowed.empty() ? "nothing" : absl::StrJoin(allowed, ", "),
                     " alone; say `force_match: true` if the app can filter by this one"));
  }
}

void AppChecker::CheckActions(absl::string_view field, const ResourceMapping& mapping,
                              absl::string_view instead) {
  const auto& actions = mapping.actions();
  if (actions.create() == config::v1::OFF && actions.update() == config::v1::OFF &&
      actions.delete_() == config::v1::OFF) {
    Add(field,
        absl::StrCat("create, update and delete are all off, so nothing would be done; say `",
                     instead, "`"));
  }
}

void AppChecker::CheckScope() {
  const auto scope = mapping::CompileScope(complete_, directory_);
  Add("scope", scope.status());
}

void AppChecker::CheckRoles() {
  std::vector<std::string> known;
  for (const auto& role : complete_.roles()) {
    known.push_back(role.value());
    if (!role.display().empty()) known.push_back(role.display());
  }
  const auto check = [&](const std::string& path, const std::string& role) {
    const bool found = std::any_of(known.begin(), known.end(), [&](const std::string& name) {
      return absl::EqualsIgnoreCase(name, role);
    });
    if (role.empty() || known.empty() || found) return;
    Add(path, absl::StrCat("unknown role \"", role, "\"; known: ", absl::StrJoin(known, ", ")));
  };
  check("default_role", complete_.default_role());
  for (int i = 0; i < app_.assign_size(); ++i) {
    const auto& assignment = app_.assign(i);
    const std::string path = absl::StrCat("assign[", i, "]");
    if (assignment.group().empty() == assignment.user().empty()) {
      Add(path, "an assignment names either a group or a user");
    }
    check(absl::StrCat(path, ".role"), assignment.role());
  }
}

void AppChecker::CheckLimits() {
  const auto& limits = complete_.limits();
  if (limits.calls_per_second() < 0) Add("limits.calls_per_second", "must be 0 or more");
  if (limits.max_concurrent_calls() != 0 &&
      limits.concurrent_calls() > limits.max_concurrent_calls()) {
    Add("limits.concurrent_calls", "more than max_concurrent_calls");
  }
  if (complete_.timing().has_call_timeout() && complete_.timing().call_timeout().seconds() == 0 &&
      complete_.timing().call_timeout().nanos() == 0) {
    Add("timing.call_timeout", "must be more than 0s");
  }
}

void AppChecker::CheckNotify() {
  const auto& notify = complete_.notify();
  CheckReference("notify.email", notify.email());
  if (notify.enabled() == config::v1::ON && notify.email().empty()) {
    Add("notify.email", "an address is needed where notices are on");
  }
  if (!notify.email().empty() && !HasReference(notify.email()) &&
      !absl::StrContains(notify.email(), "@")) {
    Add("notify.email", "not an e-mail address");
  }
}

// Collects the problems of a whole configuration, each with where it stands.
class ConfigurationChecker {
 public:
  ConfigurationChecker(const LoadedConfiguration& loaded, const TemplateSource& templates)
      : loaded_(loaded), templates_(templates) {}

  absl::Status Check();

 private:
  // The place of the field, or of the nearest one above it that stands in the file.
  std::string PlaceOf(std::string path) const;
  void AddTwice(const std::string& path, const std::string& what, const std::string& name,
                std::map<std::string, std::string>* first);
  void Add(const std::string& root, const std::string& what, const Problem& problem);
  const Directory& DirectoryOf(const App& app) const;
  void CheckDirectoryOf(const App& app, const std::string& root);

  const LoadedConfiguration& loaded_;
  const TemplateSource& templates_;
  std::vector<std::string> lines_;
};

std::string ConfigurationChecker::PlaceOf(std::string path) const {
  while (true) {
    const auto found = loaded_.places.find(path);
    if (found != loaded_.places.end()) return found->second;
    const size_t end = path.find_last_of(".[");
    if (end == std::string::npos) return "configuration";
    path.resize(end);
  }
}

void ConfigurationChecker::Add(const std::string& root, const std::string& what,
                               const Problem& problem) {
  lines_.push_back(absl::StrCat(PlaceOf(absl::StrCat(root, ".", problem.path)), ": ", what, ": ",
                                problem.path, ": ", problem.message));
}

void ConfigurationChecker::AddTwice(const std::string& path, const std::string& what,
                                    const std::string& name,
                                    std::map<std::string, std::string>* first) {
  if (name.empty()) return;
  const std::string place = PlaceOf(absl::StrCat(path, ".name"));
  const auto [found, added] = first->emplace(name, place);
  if (added) return;
  lines_.push_back(absl::StrCat(place, ": ", what, " ", name, ": name: the name is taken by the ",
                                what, " at ", found->second, "; give one of them another"));
}

const Directory& ConfigurationChecker::DirectoryOf(const App& app) const {
  static const auto* const kUnknown = new Directory();
  const std::string name = app.directory().empty() ? "main" : app.directory();
  for (const Directory& directory : loaded_.configuration.directories()) {
    if (directory.name() == name) return directory;
  }
  return *kUnknown;
}

void ConfigurationChecker::CheckDirectoryOf(const App& app, const std::string& root) {
  const std::string& name = app.directory();
  if (name.empty() || DirectoryOf(app).name() == name) return;
  std::vector<std::string> known;
  for (const Directory& directory : loaded_.configuration.directories()) {
    known.push_back(directory.name());
  }
  Add(root, absl::StrCat("app ", app.name()),
      {"directory", absl::StrCat("there is no directory \"", name, "\"; known: ",
                                 known.empty() ? "none" : absl::StrJoin(known, ", "))});
}

absl::Status ConfigurationChecker::Check() {
  std::map<std::string, std::string> directories;
  const auto& configuration = loaded_.configuration;
  for (int i = 0; i < configuration.directories_size(); ++i) {
    const Directory& directory = configuration.directories(i);
    const std::string root = absl::StrCat("directories[", i, "]");
    AddTwice(root, "directory", directory.name(), &directories);
    for (const Problem& problem : CheckDirectory(directory)) {
      Add(root, absl::StrCat("directory ", directory.name()), problem);
    }
  }
  std::map<std::string, std::string> apps;
  for (int i = 0; i < configuration.apps_size(); ++i) {
    const App& app = configuration.apps(i);
    const std::string root = absl::StrCat("apps[", i, "]");
    AddTwice(root, "app", app.name(), &apps);
    CheckDirectoryOf(app, root);
    for (const Problem& problem : CheckApp(app, templates_, DirectoryOf(app))) {
      Add(root, absl::StrCat("app ", app.name()), problem);
    }
  }
  if (lines_.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(lines_, "\n"));
}

}  // namespace

std::vector<Problem> CheckApp(const App& app, const TemplateSource& templates,
                              const Directory& directory) {
  return AppChecker(app, templates, directory).Check();
}

namespace {

// Less than every directory has, or nothing said.
void CheckLimits(const config::v1::DirectoryLimits& limits, std::vector<Problem>* problems) {
  const RequestLimits all;
  const auto check = [problems](absl::string_view field, uint64_t own, uint64_t most) {
    if (own <= most) return;
    problems->push_back({absl::StrCat("limits.", field),
                         absl::StrCat("a directory's limit is ", most, " or less")});
  };
  check("max_results", limits.max_results(), all.results);
  check("bulk_operations", limits.bulk_operations(), all.bulk_operations);
  check("max_body_bytes", limits.max_body_bytes(), all.body_bytes);
}

}  // namespace

std::vector<Problem> CheckDirectory(const Directory& directory) {
  std::vector<Problem> problems = CheckSecurityEvents(directory);
  const auto add = [&](const std::string& path, const absl::Status& status) {
    if (!status.ok()) problems.push_back({path, std::string(status.message())});
  };
  add("name", CheckName(directory.name()));
  if (!directory.public_url().empty()) add("public_url", CheckAppUrl(directory.public_url()));
  mapping::DirectoryNames names = mapping::NamesOf(directory);
  names.aliases.clear();  // An alias of an alias is none.
  for (const auto& [name, path] : directory.aliases()) {
    add(absl::StrCat("aliases.", name),
        mapping::ResolveSourceAttribute(path, event::v1::USER, names).status());
  }
  for (int i = 0; i < directory.clear_values_size(); ++i) {
    if (directory.clear_values(i).empty()) {
      add(absl::StrCat("clear_values[", i, "]"),
          absl::InvalidArgumentError("an empty text is a value already; give one that nobody has"));
    }
  }
  CheckLimits(directory.limits(), &problems);
  for (Problem& problem : CheckSchemas(directory)) problems.push_back(std::move(problem));
  return problems;
}

absl::Status CheckConfiguration(const LoadedConfiguration& loaded,
                                const TemplateSource& templates) {
  return ConfigurationChecker(loaded, templates).Check();
}

}  // namespace purser::config
