#include "connectors/sandbox/scim_twin.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "broker/base/status.h"
#include "connectors/sandbox/json_access.h"
#include "connectors/sandbox/scim_answer.h"

namespace purser::sandbox {
namespace {

using nlohmann::json;

// "/recnice/scim/Users/42" below the base: {"Users", "42"}. Doubled and trailing slashes are none.
std::vector<std::string> Segments(const http::Request& request, const ScimProfile& profile) {
  const absl::string_view path = request.path;
  return absl::StrSplit(path.substr(std::min(path.size(), profile.base_path.size())), '/',
                        absl::SkipEmpty());
}

bool IsUsers(absl::string_view segment) { return absl::EqualsIgnoreCase(segment, "Users"); }
bool IsGroups(absl::string_view segment) { return absl::EqualsIgnoreCase(segment, "Groups"); }

std::string Verb(absl::string_view method, bool one, bool filtered) {
  if (method == "POST") return "Create";
  if (method == "GET" && one) return "Get";
  if (method == "GET") return filtered ? "Find" : "List";
  if (method == "PUT") return "Replace";
  if (method == "PATCH") return "Patch";
  if (method == "DELETE") return "Delete";
  return std::string(method);
}

int IntegerQuery(const http::Request& request, absl::string_view name, int fallback) {
  const std::string* text = request.Query(name);
  int number = 0;
  return text != nullptr && absl::SimpleAtoi(*text, &number) ? number : fallback;
}

bool CarriesJson(const http::Request& request) {
  const absl::string_view type = request.Header("Content-Type");
  return absl::StartsWithIgnoreCase(type, "application/scim+json") ||
         absl::StartsWithIgnoreCase(type, "application/json");
}

Refusal CheckBody(const Call& call) {
  const std::string& method = call.request.method;
  if (method != "POST" && method != "PUT" && method != "PATCH") return {};
  if (!CarriesJson(call.request)) {
    return {415, "", "the body must be application/scim+json"};
  }
  if (call.body.is_discarded()) return BadRequest("invalidSyntax", "the body is no JSON");
  return {};
}

int64_t VersionOf(const json& meta) {
  std::string digits = TextMember(meta, "version");
  std::erase_if(digits, [](unsigned char c) { return !absl::ascii_isdigit(c); });
  int64_t version = 1;
  return absl::SimpleAtoi(digits, &version) ? version : 1;
}

// A resource of a state: its document and, apart, its members.
Refusal EntryOf(const ScimSchema& schema, const json& resource, ScimEntry* entry) {
  json document;
  if (Refusal no = schema.Canonicalize(resource, &document)) return no;
  std::vector<std::string> ids;
  if (const json* members = Member(resource, "members")) {
    if (Refusal no = MemberIds(*members, &ids)) return no;
  }
  entry->members.insert(ids.begin(), ids.end());
  document["id"] = TextMember(resource, "id");
  if (document["id"] == "") return BadRequest("invalidValue", "it has no id");
  const json* schemas = Member(resource, "schemas");
  document["schemas"] = schemas == nullptr ? json::array({schema.urn()}) : *schemas;
  const json* meta = Member(resource, "meta");
  document["meta"] = meta == nullptr || !meta->is_object() ? json::object() : *meta;
  entry->version = VersionOf(document["meta"]);
  entry->document = std::make_shared<const json>(std::move(document));
  return {};
}

absl::Status Load(const json& state, const char* name, const ScimSchema& schema,
                  ScimCollection* resources) {
  const json* list = Member(state, name);
  if (list == nullptr) return absl::OkStatus();
  if (!list->is_array()) return absl::InvalidArgumentError(absl::StrCat(name, " must be a list"));
  for (size_t i = 0; i < list->size(); ++i) {
    ScimEntry entry;
    if (Refusal no = EntryOf(schema, (*list)[i], &entry)) {
      return absl::InvalidArgumentError(absl::StrCat(name, "[", i, "]: ", no.detail));
    }
    resources->Put(std::move(entry));
  }
  return absl::OkStatus();
}

}  // namespace

ScimTwin::ScimTwin(const ScimProfile& profile, std::string token, const Clock& clock, IdSource& ids)
    : profile_(profile), clock_(clock), ids_(ids) {
  behaviour_.token = std::move(token);
}

Call ScimTwin::Understand(http::Request request) const {
  Call call;
  call.body = json::parse(request.body, nullptr, /*allow_exceptions=*/false);
  call.request = std::move(request);
  const std::vector<std::string> segments = Segments(call.request, profile_);
  const bool group = !segments.empty() && IsGroups(segments[0]);
  if (segments.empty() || (!group && !IsUsers(segments[0]))) {
    call.operation = "Discover";
    return call;
  }
  const std::string* filter = call.request.Query("filter");
  const bool one = segments.size() > 1;
  const std::string verb = Verb(call.request.method, one, filter != nullptr);
  const bool many = verb == "Find" || verb == "List";
  call.operation = absl::StrCat(verb, group ? "Group" : "User", many ? "s" : "");
  std::vector<EqualTerm> terms;
  if (one) {
    call.id = segments[1];
    MutexLock lock(&mutex_);
    const ScimCollection& resources = group ? groups_ : users_;
    const ScimEntry* entry = resources.Find(call.id);
    if (entry != nullptr) call.name = resources.NameOf(*entry);
  } else if (call.request.method == "POST") {
    call.name = TextMember(call.body, group ? "displayName" : "userName");
  } else if (filter != nullptr && !ParseFilter(*filter, &terms) && terms[0].value.is_string()) {
    call.name = terms[0].value.get<std::string>();
  }
  return call;
}

bool ScimTwin::Authorized(const Call& call) const {
  const absl::string_view given = call.request.Header("Authorization");
  if (!absl::StartsWithIgnoreCase(given, "bearer ")) return false;
  MutexLock lock(&mutex_);
  return given.substr(7) == behaviour_.token;
}

http::Response ScimTwin::Refuse(int status, absl::string_view message) const {
  return ScimError({status, "", std::string(message)});
}

http::Response ScimTwin::Handle(const Call& call, const Circumstances& circumstances) {
  const std::vector<std::string> segments = Segments(call.request, profile_);
  if (segments.empty()) return ScimError({404, "", "there is nothing at this address"});
  const bool group = IsGroups(segments[0]);
  if (segments.size() > 2 || (group && !profile_.has_groups)) {
    return ScimError({404, "", "there is nothing at this address"});
  }
  if (!group && !IsUsers(segments[0])) return HandleDiscovery(call, segments[0]);
  if (Refusal no = CheckBody(call)) return ScimError(no);
  MutexLock lock(&mutex_);
  const Target target{call, circumstances, group ? groups_ : users_,
                      group ? profile_.groups : profile_.users, group};
  if (segments.size() == 2) return HandleOne(target, segments[1]);
  if (call.request.method == "POST") return Create(target);
  if (call.request.method == "GET") return List(target);
  return ScimError({405, "", "this method is not supported here"});
}

http::Response ScimTwin::HandleDiscovery(const Call& call, absl::string_view what) const {
  if (what == "Bulk" || what == "Me") return ScimError({501, "", "this is not supported"});
  if (call.request.method != "GET") {
    return ScimError({405, "", "this method is not supported here"});
  }
  return ScimDiscovery(profile_, what);
}

http::Response ScimTwin::List(const Target& target) const {
  const http::Request& request = target.call.request;
  std::vector<const ScimEntry*> found;
  const std::string* filter = request.Query("filter");
  if (filter != nullptr && !target.circumstances.ignore_filter) {
    std::vector<EqualTerm> terms;
    if (Refusal no = ParseFilter(*filter, &terms)) return ScimError(no);
    const char* name = target.group ? "displayName" : "userName";
    if (terms.size() != 1 || !absl::EqualsIgnoreCase(terms[0].attribute, name)) {
      return ScimError(
          BadRequest("invalidFilter", absl::StrCat("only ", name, " can be filtered")));
    }
    found = Select(target, terms[0]);
  } else {
    for (const auto& [place, entry] : target.resources.entries()) {
      if (entry.visible_at <= clock_.Now()) found.push_back(&entry);
    }
  }
  const int64_t total = static_cast<int64_t>(found.size());
  const int64_t start = std::max(1, IntegerQuery(request, "startIndex", 1));
  const int64_t most = behaviour_.max_page;
  const int64_t count = std::clamp<int64_t>(IntegerQuery(request, "count", 100), 0, most);
  json page = json::array();
  for (int64_t i = start - 1; i < std::min(total, start - 1 + count); ++i) {
    page.push_back(Render(target, *found[static_cast<size_t>(i)]));
  }
  return ScimJson(200, {{"schemas", {"urn:ietf:params:scim:api:messages:2.0:ListResponse"}},
                        {"totalResults", total},
                        {"startIndex", start},
                        {"itemsPerPage", page.size()},
                        {"Resources", page}});
}

std::vector<const ScimEntry*> ScimTwin::Select(const Target& target, const EqualTerm& term) const {
  if (!term.value.is_string()) return {};
  auto found = target.resources.Named(term.value.get_ref<const std::string&>());
  std::erase_if(found, [this](const ScimEntry* e) { return e->visible_at > clock_.Now(); });
  return found;
}

json ScimTwin::Render(const Target& target, const ScimEntry& entry) const {
  json document = Project(target.call.request, *entry.document);
  if (!entry.members.empty() && Shows(target.call.request, "members")) {
    json members = json::array();
    for (const std::string& id : entry.members) members.push_back({{"value", id}});
    document["members"] = std::move(members);
  }
  return document;
}

json ScimTwin::State() const {
  std::vector<std::shared_ptr<const json>> users;
  json groups = json::array();
  {
    MutexLock lock(&mutex_);
    for (const auto& [place, entry] : users_.entries()) users.push_back(entry.document);
    for (const auto& [place, entry] : groups_.entries()) {
      json group = *entry.document;
      group["members"] = json::array();
      for (const std::string& id : entry.members) group["members"].push_back({{"value", id}});
      groups.push_back(std::move(group));
    }
  }
  json state = {{"users", json::array()}, {"groups", std::move(groups)}};
  for (const auto& user : users) state["users"].push_back(*user);
  return state;
}

absl::Status ScimTwin::SetState(const json& state) {
  ScimCollection users("userName");
  ScimCollection groups("displayName");
  RETURN_IF_ERROR(Load(state, "users", profile_.users, &users));
  RETURN_IF_ERROR(Load(state, "groups", profile_.groups, &groups));
  MutexLock lock(&mutex_);
  users_ = std::move(users);
  groups_ = std::move(groups);
  // Ids given out since the state was taken are not given again.
  for (const auto& [place, entry] : users_.entries()) {
    uint64_t number = 0;
    if (absl::SimpleAtoi(entry.id(), &number)) next_number_ = std::max(next_number_, number + 1);
  }
  return absl::OkStatus();
}

json ScimTwin::Settings() const {
  MutexLock lock(&mutex_);
  return {{"delete_status", behaviour_.delete_status},
          {"patch_user_status", behaviour_.patch_user_status},
          {"max_page", behaviour_.max_page},
          {"visible_after_ms", absl::ToInt64Milliseconds(behaviour_.visible_after)}};
}

absl::Status ScimTwin::Configure(const json& settings) {
  MutexLock lock(&mutex_);
  Behaviour wanted = behaviour_;
  for (const auto& [name, value] : settings.items()) {
    const std::optional<int64_t> number = AsInteger(value);
    if (name == "token" && value.is_string()) {
      wanted.token = value.get<std::string>();
    } else if (name == "delete_status" && (number == 204 || number == 405 || number == 501)) {
      wanted.delete_status = static_cast<int>(*number);
    } else if (name == "patch_user_status" && (number == 200 || number == 204)) {
      wanted.patch_user_status = static_cast<int>(*number);
    } else if (name == "max_page" && number.value_or(0) > 0) {
      wanted.max_page = static_cast<int>(*number);
    } else if (name == "visible_after_ms" && number.value_or(-1) >= 0) {
      wanted.visible_after = absl::Milliseconds(*number);
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat(profile_.app, ": unknown setting, or a value it cannot have: ", name));
    }
  }
  behaviour_ = wanted;
  return absl::OkStatus();
}

}  // namespace purser::sandbox
