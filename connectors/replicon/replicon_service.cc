#include "connectors/replicon/replicon_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "broker/base/status.h"
#include "connectors/api/url.h"
#include "connectors/api/verdicts.h"

namespace purser::connectors::replicon {
namespace {

using nlohmann::json;

constexpr char kVendor[] = "https://global.replicon.com";
constexpr char kDiscovery[] = "DiscoveryService1.svc";
constexpr char kLoginFormat[] = "{companyId}\\{username}";
constexpr char kOmitHidden[] =
    "urn:replicon:data-load-option:omit-data-if-insufficient-access-permission";
constexpr absl::Duration kKeepDepartments = absl::Minutes(10);
constexpr absl::Duration kAskAgain = absl::Minutes(1);

std::string TextAt(const json& object, const char* key) {
  if (!object.is_object()) return "";
  const auto member = object.find(key);
  return member != object.end() && member->is_string() ? member->get<std::string>() : "";
}

// Type strings and correlation ids are shown only if they can be nothing else.
bool IsPlain(absl::string_view text) {
  return !text.empty() && text.size() <= 80 && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-';
  });
}

bool TellsOfTimeout(const Answer& answer) {
  const std::string text =
      absl::AsciiStrToLower(absl::string_view(answer.http.body).substr(0, 4096));
  return absl::StrContains(text, "timed out") || absl::StrContains(text, "timeout") ||
         absl::StrContains(text, "time-out") || absl::StrContains(text, "time out");
}

void Note(absl::string_view label, absl::string_view text, Result* result) {
  if (!IsPlain(text)) return;
  std::string& summary = result->exchange.summary;
  absl::StrAppend(&summary, summary.empty() ? "" : "; ", label, " ", text);
}

void JudgeFault(const json& error, Answer* answer) {
  Result& result = answer->result;
  const std::string type = TextAt(error, "type");
  Note("fault", type, &result);
  const bool sender = absl::EqualsIgnoreCase(TextAt(error, "code"), "Sender");
  const std::string why = absl::StrCat(sender ? "our fault" : "its fault", IsPlain(type) ? " " : "",
                                       IsPlain(type) ? type : "");
  const int status = answer->http.status;
  if (status == 401 || status == 429) return;
  if (status >= 500 && TellsOfTimeout(*answer)) {
    return Overrule(Verdict::kInDoubt, "it ran out of time there", &result);
  }
  if (sender) return Overrule(Verdict::kRefused, why, &result);
  Overrule(status < 400 ? Verdict::kInDoubt : result.verdict, why, &result);
}

bool IsLoopback(absl::string_view host) {
  return host == "localhost" || host == "[::1]" || absl::StartsWith(host, "127.");
}

// "replicon.com" of "na1.replicon.com"; a host of fewer than two dots, or an address, as it is.
absl::string_view OwnerOf(absl::string_view host) {
  const std::vector<absl::string_view> labels = absl::StrSplit(host, '.');
  if (labels.size() < 3 || absl::ascii_isdigit(static_cast<unsigned char>(host.back()))) {
    return host;
  }
  return host.substr(host.size() - labels[labels.size() - 2].size() - labels.back().size() - 1);
}

std::vector<std::string> RootsIn(const json& tenant) {
  std::vector<std::string> roots;
  const auto several = tenant.find("applicationRootUrls");
  if (several != tenant.end() && several->is_array()) {
    for (const json& one : *several) {
      if (std::string root = TextAt(one, "rootUrl"); !root.empty())
        roots.push_back(std::move(root));
    }
  }
  return roots;
}

Login LoginFor(const config::v1::Password& password, const SecretResolver& secrets) {
  Login login{.secrets = {password.password()}};
  if (!password.second_password().empty()) login.secrets.push_back(password.second_password());
  login.authorization = [password,
                         secrets](const std::string& secret) -> absl::StatusOr<std::string> {
    ASSIGN_OR_RETURN(const std::string company, ResolveSecrets(password.company_id(), secrets));
    ASSIGN_OR_RETURN(const std::string user, ResolveSecrets(password.username(), secrets));
    const std::string format =
        password.login_format().empty() ? kLoginFormat : password.login_format();
    const std::string name =
        absl::StrReplaceAll(format, {{"{companyId}", company}, {"{username}", user}});
    return absl::StrCat("Basic ", absl::Base64Escape(absl::StrCat(name, ":", secret)));
  };
  return login;
}

// Whether an item's error says that its target is no user, which is an answer: absent.
bool MeansAbsent(const std::string& error_type) {
  return absl::StrContains(error_type, "UserTarget") || absl::StrContains(error_type, "NotFound");
}

std::string FaultTypeOf(const Answer& answer) {
  if (!answer.body.is_object()) return "";
  const auto error = answer.body.find("error");
  return error == answer.body.end() ? "" : TextAt(*error, "type");
}

}  // namespace

void JudgeAnswer(Answer* answer) {
  Result& result = answer->result;
  if (answer->http.status == 0) return;  // nothing came
  Note("correlation", answer->http.Header("x-execution-correlation-id"), &result);
  const bool object = answer->body.is_object();
  if (object && answer->body.contains("error") && !answer->body["error"].is_null()) {
    return JudgeFault(answer->body["error"], answer);
  }
  if (result.ok()) {
    if (!object || !answer->body.contains("d")) {
      return Overrule(Verdict::kNotTheProtocol, "the body is no answer of Replicon's", &result);
    }
    json value = std::move(answer->body["d"]);
    answer->body = std::move(value);
    return;
  }
  if (result.verdict == Verdict::kNotFound || result.verdict == Verdict::kUnsupported) {
    Overrule(Verdict::kNotTheProtocol, "is the address right?", &result);
  }
}

bool MayTrustRoot(absl::string_view discovery, absl::string_view root) {
  const std::string from = HostOf(discovery);
  const std::string to = HostOf(root);
  if (from.empty() || to.empty()) return false;
  return from == to || (IsLoopback(from) && IsLoopback(to)) || OwnerOf(from) == OwnerOf(to);
}

std::string RootOf(const json& tenant, const std::string& company_key, const std::string& domain) {
  if (!tenant.is_object()) return "";
  const std::vector<std::string> roots = RootsIn(tenant);
  std::string root = TextAt(tenant, "applicationRootUrl");
  for (const std::string& other : roots) {
    const bool in_domain = absl::StartsWithIgnoreCase(HostOf(other), absl::StrCat(domain, "."));
    if (root.empty() || (!domain.empty() && in_domain)) root = other;
  }
  if (root.empty()) return "";
  absl::string_view path = root;
  while (absl::ConsumeSuffix(&path, "/")) continue;
  const bool has_key = absl::EndsWithIgnoreCase(path, absl::StrCat("/", company_key)) &&
                       path.size() > company_key.size();
  return has_key ? absl::StrCat(path, "/") : absl::StrCat(path, "/", company_key, "/");
}

json UserTarget(const std::string& identifier, const json& value) {
  json target = json::object();
  target[identifier] = value;
  return target;
}

absl::Status Service::Validate(const config::v1::App& app) {
  const config::v1::Password& password = app.credentials().password();
  for (const auto& [value, name] :
       {std::pair<const std::string&, const char*>{password.username(), "username"},
        {password.password(), "password"},
        {password.company_id(), "company_id"}}) {
    if (value.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("credentials.password.", name, " is missing"));
    }
  }
  return absl::OkStatus();
}

Service::Service(const config::v1::App& app, HttpClient* http, SecretResolver secrets,
                 const Clock& clock)
    : app_(app),
      client_(http, secrets, LoginFor(app.credentials().password(), secrets), "application/json",
              clock) {}

void Service::Invoke(const Attempt& attempt, Operation operation, AppClient::AnswerDone done) {
  Locate(attempt, [this, attempt, operation = std::move(operation), done = std::move(done)](
                      Result result, Place place) mutable {
    if (!result.ok()) {
      Answer answer;
      answer.result = OfQuestion(std::move(result));
      answer.result.message = absl::StrCat(operation.what, ": ", answer.result.message);
      return done(std::move(answer));
    }
    const std::vector<std::string> names = absl::StrSplit(operation.name, '/');
    Request request{
        .what = operation.what,
        .method = "POST",
        .url = absl::StrCat(place.root, "services/", operation.name),
        .headers = {{"X-Replicon-Application",
                     absl::StrCat(place.company_key, "_", names.back(), "_", ProductVersion())}},
        .body = std::move(operation.body),
        .fields = std::move(operation.fields)};
    client_.Send(attempt, std::move(request), [this, done = std::move(done)](Answer answer) {
      JudgeAnswer(&answer);
      const Verdict verdict = answer.result.verdict;
      // A tenant may have moved: the next call asks again where.
      if (verdict == Verdict::kNotTheProtocol || verdict == Verdict::kUnavailable) place_.reset();
      done(std::move(answer));
    });
  });
}

void Service::Locate(const Attempt& attempt, PlaceDone done) {
  const absl::StatusOr<std::string> url =
      client_.Resolve(app_.url().empty() ? kVendor : app_.url());
  const absl::StatusOr<std::string> company =
      client_.Resolve(app_.credentials().password().company_id());
  if (!url.ok() || !company.ok()) {
    const absl::Status& missing = url.ok() ? company.status() : url.status();
    return done(AppClient::ResultOfMissing("find the services", missing), {});
  }
  const std::string wanted = absl::StrCat(*url, " ", *company);
  if (place_.has_value() && place_for_ == wanted) {
    Result known;
    known.verdict = Verdict::kDone;
    return done(std::move(known), *place_);
  }
  Discover(attempt, *url, *company,
           [this, wanted, done = std::move(done)](Result result, Place place) {
             if (result.ok()) {
               place_ = place;
               place_for_ = wanted;
             }
             done(std::move(result), std::move(place));
           });
}

void Service::Discover(const Attempt& attempt, const std::string& discovery,
                       const std::string& company_key, PlaceDone done) {
  const bool named = absl::StrContains(discovery, kDiscovery);
  Request request{.what = "find the tenant's services",
                  .method = "POST",
                  .url = named ? JoinUrl(discovery, {"GetTenantEndpointDetails"})
                               : JoinUrl(discovery, {kDiscovery, "GetTenantEndpointDetails"}),
                  .body = json{{"tenant", {{"companyKey", company_key}}}},
                  .fields = {"companyKey"},
                  .authenticated = false};
  client_.Send(attempt, std::move(request),
               [this, discovery, company_key, done = std::move(done)](Answer answer) {
                 JudgeAnswer(&answer);
                 Result& result = answer.result;
                 if (result.verdict == Verdict::kRefused) {
                   Overrule(Verdict::kUnauthenticated, "is the company id right?", &result);
                 }
                 if (!result.ok()) return done(std::move(result), {});
                 const std::string domain =
                     client_.Resolve(app_.credentials().password().domain()).value_or("");
                 Place place{.root = RootOf(answer.body, company_key, domain),
                             .company_key = company_key};
                 if (place.root.empty()) {
                   Overrule(Verdict::kNotTheProtocol, "it names no root", &result);
                 } else if (!MayTrustRoot(discovery, place.root)) {
                   Overrule(Verdict::kNotTheProtocol, "it names a host of another owner", &result);
                 }
                 done(std::move(result), std::move(place));
               });
}

void Service::ReadUsers(const Attempt& attempt, const std::string& what, std::vector<json> targets,
                        UsersDone done) {
  json users = json::array();
  for (json& target : targets) {
    target["parameterCorrelationId"] = absl::StrCat(users.size() + 1);
    users.push_back(std::move(target));
  }
  Operation read{.what = what,
                 .name = "ImportService1.svc/BulkGetUsers3",
                 .body = {{"users", std::move(users)}, {"dataLoadOptionUri", kOmitHidden}}};
  Invoke(attempt, std::move(read), [done = std::move(done)](Answer answer) {
    Result& result = answer.result;
    if (result.verdict == Verdict::kRefused && MeansAbsent(FaultTypeOf(answer))) {
      result.verdict = Verdict::kDone;
      return done(std::move(result), {});
    }
    if (!result.ok()) return done(OfQuestion(std::move(result)), {});
    if (!answer.body.is_array() && !answer.body.is_null()) {
      Overrule(Verdict::kNotTheProtocol, "it is no list of users", &result);
      return done(std::move(result), {});
    }
    const std::string error = ItemErrorOf(answer.body);
    std::vector<User> read_users = ParseUsers(answer.body);
    if (!error.empty() && !MeansAbsent(error) && read_users.empty()) {
      Note("fault", error, &result);
      Overrule(Verdict::kRefused, "it refused the item", &result);
    }
    done(std::move(result), std::move(read_users));
  });
}

std::string Service::DepartmentNamed(const std::string& name) const {
  const auto found = departments_.find(absl::AsciiStrToLower(absl::StripAsciiWhitespace(name)));
  return found == departments_.end() ? "" : found->second;
}

void Service::FindDepartment(const Attempt& attempt, const std::string& name, DepartmentDone done) {
  const std::string known = DepartmentNamed(name);
  const absl::Duration age = client_.Now() - departments_read_;
  if (age >= absl::ZeroDuration() && age < (known.empty() ? kAskAgain : kKeepDepartments)) {
    Result result;
    result.verdict = Verdict::kDone;
    return done(std::move(result), known);
  }
  Operation list{.what = "list the departments",
                 .name = "DepartmentService1.svc/GetEnabledDepartments"};
  Invoke(attempt, std::move(list), [this, name, done = std::move(done)](Answer answer) {
    Result result = OfQuestion(std::move(answer.result));
    const bool hidden = result.verdict == Verdict::kRefused;
    if (!result.ok() && !hidden) return done(std::move(result), "");
    result.verdict = Verdict::kDone;
    departments_.clear();
    departments_read_ = client_.Now();
    if (!hidden && answer.body.is_array()) {
      for (const json& department : answer.body) {
        std::string label = TextAt(department, "displayText");
        if (label.empty()) label = TextAt(department, "name");
        const std::string uri = TextAt(department, "uri");
        if (!uri.empty()) departments_[absl::AsciiStrToLower(label)] = uri;
      }
    }
    done(std::move(result), DepartmentNamed(name));
  });
}

void Service::Forget() {
  place_.reset();
  departments_read_ = absl::InfinitePast();
}

}  // namespace purser::connectors::replicon
