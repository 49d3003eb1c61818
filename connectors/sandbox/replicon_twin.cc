#include "connectors/sandbox/replicon_twin.h"

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "broker/base/status.h"
#include "connectors/sandbox/json_access.h"

namespace purser::sandbox {
namespace {

using nlohmann::json;

constexpr size_t kUnitsKept = 100'000;

// A path below /replicon in its parts.
struct Address {
  bool discovery = false;
  std::string company;
  std::string service;  // "importservice2"
  std::string operation;
};

// "/replicon/acme/services/ImportService2.svc/CreateUserOrApplyModifications"; nullopt where it is
// no service's. Service names are case-insensitive.
std::optional<Address> ParseAddress(absl::string_view path) {
  std::vector<std::string> parts = absl::StrSplit(path, '/', absl::SkipEmpty());
  if (parts.size() != 3 && parts.size() != 5) return std::nullopt;
  Address address;
  address.discovery = parts.size() == 3;
  address.operation = parts.back();
  address.service = absl::AsciiStrToLower(parts[parts.size() - 2]);
  if (!absl::EndsWith(address.service, ".svc")) return std::nullopt;
  address.service.resize(address.service.size() - 4);
  if (address.discovery) return address;
  if (!absl::EqualsIgnoreCase(parts[2], "services")) return std::nullopt;
  address.company = parts[1];
  return address;
}

// The body's member at a path such as {"modifications", "loginName", "value"}.
const json* At(const json& body, std::initializer_list<const char*> path) {
  const json* value = &body;
  for (const char* name : path) {
    value = Member(*value, name);
    if (value == nullptr) return nullptr;
  }
  return value;
}

std::string TextAt(const json& body, std::initializer_list<const char*> path) {
  const json* value = At(body, path);
  return value == nullptr ? "" : AsText(*value).value_or("");
}

http::Response JsonAnswer(int status, const json& body, const std::string& correlation) {
  return {.status = status,
          .headers = {{"x-execution-correlation-id", correlation}},
          .content_type = "application/json; charset=utf-8",
          .body = Dump(body)};
}

json ErrorBody(const RepliconFault& fault, absl::string_view code, const std::string& correlation) {
  return {{"error",
           {{"code", std::string(code)},
            {"correlationId", correlation},
            {"reason", fault.text},
            {"details", {{"displayText", fault.text}, {"target", fault.target}}},
            {"type", fault.type}}}};
}

}  // namespace

RepliconTwin::RepliconTwin(RepliconAccess access, const Clock& clock, IdSource& ids)
    : clock_(clock),
      ids_(ids),
      access_(std::move(access)),
      password_(access_.password),
      directory_(access_.company) {}

Call RepliconTwin::Understand(http::Request request) const {
  Call call;
  call.body = request.body.empty() ? json()
                                   : json::parse(request.body, nullptr, /*allow_exceptions=*/false);
  call.request = std::move(request);
  const std::optional<Address> address = ParseAddress(call.request.path);
  call.operation = address ? address->operation : "Unknown";
  call.operation_id = TextMember(call.body, "unitOfWorkId");
  MutexLock lock(&mutex_);
  UserTarget target;
  const json* named = Member(call.body, "target");
  const json* users = Member(call.body, "users");
  if (users != nullptr && users->is_array() && users->size() == 1) named = &users->front();
  if (named != nullptr) ParseUserTarget(*named, &target);
  const std::string uri = TextMember(call.body, "userUri");
  if (!uri.empty()) target = {"uri", uri};
  Name(target, &call);
  if (call.name.empty()) call.name = TextAt(call.body, {"modifications", "loginName", "value"});
  if (call.name.empty()) {
    call.name = TextAt(call.body, {"filterExpression", "rightExpression", "value", "text"});
  }
  return call;
}

void RepliconTwin::Name(const UserTarget& target, Call* call) const {
  if (target.kind.empty()) return;
  if (target.kind == "uri") call->id = target.value;
  if (target.kind == "loginName") call->name = target.value;
  const RepliconUser* user = directory_.Find(target);
  if (user == nullptr) return;
  call->id = user->uri;
  call->name = user->login_name;
}

bool RepliconTwin::Authorized(const Call& call) const {
  const std::optional<Address> address = ParseAddress(call.request.path);
  if (address && address->discovery) return true;
  const absl::string_view given = call.request.Header("Authorization");
  MutexLock lock(&mutex_);
  if (absl::StartsWithIgnoreCase(given, "bearer ")) return tokens_.contains(given.substr(7));
  std::string pair;
  if (!absl::StartsWithIgnoreCase(given, "basic ") ||
      !absl::Base64Unescape(given.substr(6), &pair)) {
    return false;
  }
  const std::string login = absl::StrCat(access_.company, "\\", access_.username);
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(pair, absl::MaxSplits(':', 1));
  return absl::EqualsIgnoreCase(parts.first, login) && parts.second == password_;
}

http::Response RepliconTwin::Refuse(int status, absl::string_view message) const {
  const bool sender = status < 500 && status != 429;
  RepliconFault fault{status == 401   ? "InvalidCredentialsError1"
                      : status == 429 ? "RateLimitExceededError1"
                      : sender        ? "InvalidRequestError1"
                                      : "UnexpectedError1",
                      std::string(message)};
  const std::string correlation = ids_.NewId(clock_.Now());
  http::Response response = JsonAnswer(
      status, ErrorBody(fault, sender ? "Sender" : "Receiver", correlation), correlation);
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"Replicon\"");
  return response;
}

http::Response RepliconTwin::Handle(const Call& call, const Circumstances& circumstances) {
  const std::optional<Address> address = ParseAddress(call.request.path);
  if (!address) return Refuse(404, "There is no service at this address.");
  if (call.request.method != "POST") return Refuse(405, "Services are called by POST.");
  if (call.body.is_discarded()) return Refuse(400, "The body is no JSON.");
  MutexLock lock(&mutex_);
  if (address->discovery) {
    const bool known =
        address->service == "discoveryservice1" && address->operation == "GetTenantEndpointDetails";
    return known ? Discover(call) : Refuse(404, "There is no such operation.");
  }
  const Operation operation = FindOperation(address->service, address->operation);
  if (operation == nullptr || !absl::EqualsIgnoreCase(address->company, access_.company)) {
    return Refuse(404, "There is no such operation.");
  }
  const auto known = units_.find(call.operation_id);
  if (!call.operation_id.empty() && known != units_.end()) return Answer(known->second);
  const Outcome outcome = (this->*operation)(call.body, circumstances);
  Remember(call.operation_id, outcome);
  return Answer(outcome);
}

http::Response RepliconTwin::Discover(const Call& call) {
  const std::string key = TextAt(call.body, {"tenant", "companyKey"});
  if (!absl::EqualsIgnoreCase(key, access_.company)) {
    return Answer({InvalidTarget("Tenant", "The company does not exist.")});
  }
  const std::string scheme = call.request.scheme.empty() ? "http" : call.request.scheme;
  const std::string root =
      absl::StrCat(scheme, "://", call.request.host, "/replicon/",
                   behaviour_.root_has_company_key ? access_.company + "/" : "");
  return Answer({{},
                 {{"applicationRootUrl", root},
                  {"applicationRootUrls",
                   {{{"rootUrl", root}, {"uri", "urn:replicon:application-root-url:default"}}}},
                  {"isLocal", true},
                  {"tenant",
                   {{"companyKey", access_.company},
                    {"isEnabled", true},
                    {"slug", access_.company},
                    {"uri", absl::StrCat("urn:replicon-tenant:", access_.company)}}}}});
}

http::Response RepliconTwin::Answer(const Outcome& outcome) const {
  const std::string correlation = ids_.NewId(clock_.Now());
  if (outcome.fault) {
    return JsonAnswer(behaviour_.sender_fault_status,
                      ErrorBody(outcome.fault, "Sender", correlation), correlation);
  }
  const json body = {
      {"d", behaviour_.values_as_strings ? WithStrings(outcome.value) : outcome.value}};
  return JsonAnswer(200, body, correlation);
}

void RepliconTwin::Remember(const std::string& unit, const Outcome& outcome) {
  if (unit.empty() || (outcome.fault && !behaviour_.remember_failures)) return;
  if (!units_.emplace(unit, outcome).second) return;
  unit_order_.push_back(unit);
  if (unit_order_.size() <= kUnitsKept) return;
  units_.erase(unit_order_.front());
  unit_order_.pop_front();
}

json RepliconTwin::State() const {
  MutexLock lock(&mutex_);
  return directory_.State();
}

absl::Status RepliconTwin::SetState(const json& state) {
  MutexLock lock(&mutex_);
  RETURN_IF_ERROR(directory_.SetState(state));
  units_.clear();
  unit_order_.clear();
  return absl::OkStatus();
}

json RepliconTwin::Settings() const {
  MutexLock lock(&mutex_);
  return {{"sender_fault_status", behaviour_.sender_fault_status},
          {"root_has_company_key", behaviour_.root_has_company_key},
          {"values_as_strings", behaviour_.values_as_strings},
          {"absent_as_item", behaviour_.absent_as_item},
          {"remember_failures", behaviour_.remember_failures},
          {"supervisor_needs_permission", behaviour_.supervisors.needs_permission},
          {"supervisor_needs_login", behaviour_.supervisors.needs_login}};
}

absl::Status RepliconTwin::Configure(const json& settings) {
  MutexLock lock(&mutex_);
  Behaviour wanted = behaviour_;
  std::string password = password_;
  const std::pair<absl::string_view, bool*> switches[] = {
      {"root_has_company_key", &wanted.root_has_company_key},
      {"values_as_strings", &wanted.values_as_strings},
      {"absent_as_item", &wanted.absent_as_item},
      {"remember_failures", &wanted.remember_failures},
      {"supervisor_needs_permission", &wanted.supervisors.needs_permission},
      {"supervisor_needs_login", &wanted.supervisors.needs_login}};
  for (const auto& [name, value] : settings.items()) {
    bool known = false;
    for (const auto& [switch_name, on] : switches) {
      if (name != switch_name || !AsBoolean(value)) continue;
      *on = *AsBoolean(value);
      known = true;
    }
    const std::optional<int64_t> number = AsInteger(value);
    if (name == "sender_fault_status" && (number == 400 || number == 500)) {
      wanted.sender_fault_status = static_cast<int>(*number);
    } else if (name == "password" && value.is_string()) {
      password = value.get<std::string>();
    } else if (!known) {
      return absl::InvalidArgumentError(
          absl::StrCat("replicon: unknown setting, or a value it cannot have: ", name));
    }
  }
  behaviour_ = wanted;
  // A new password ends the tokens that the old one gave.
  if (password != password_) tokens_.clear();
  password_ = password;
  return absl::OkStatus();
}

}  // namespace purser::sandbox
