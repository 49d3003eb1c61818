// The changes that a ScimTwin makes.
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "connectors/sandbox/json_access.h"
#include "connectors/sandbox/scim_answer.h"
#include "connectors/sandbox/scim_twin.h"

namespace purser::sandbox {
namespace {

using nlohmann::json;

std::string EntityTag(int64_t version) { return absl::StrCat("W/\"", version, "\""); }

// What the client may write of a stored document.
json AttributesOf(const json& document) {
  json attributes = document;
  for (const char* name : {"id", "meta", "schemas"}) attributes.erase(name);
  return attributes;
}

bool TagListed(absl::string_view header, absl::string_view tag) {
  for (absl::string_view listed : absl::StrSplit(header, ',')) {
    listed = absl::StripAsciiWhitespace(listed);
    if (listed == "*" || listed == tag) return true;
  }
  return false;
}

json SchemasOf(const ScimSchema& schema, const json& attributes) {
  json schemas = json::array({schema.urn()});
  if (attributes.contains(kEnterpriseUrn)) schemas.push_back(kEnterpriseUrn);
  return schemas;
}

std::string Timestamp(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

// Whether anything differs afterwards.
bool ApplySteps(const std::vector<MemberStep>& steps, std::set<std::string>* members) {
  bool changed = false;
  bool cleared = false;
  for (const MemberStep& step : steps) cleared |= step.kind == MemberStep::kClear;
  const std::set<std::string> before = cleared ? *members : std::set<std::string>();
  for (const MemberStep& step : steps) {
    if (step.kind == MemberStep::kClear) {
      changed |= !members->empty();
      members->clear();
    } else if (step.kind == MemberStep::kAdd) {
      changed |= members->insert(step.id).second;
    } else {
      changed |= members->erase(step.id) > 0;
    }
  }
  return cleared ? before != *members : changed;
}

// A PUT's or POST's members as steps: all that are named, and no other.
Refusal WholeMembers(const json& body, std::vector<MemberStep>* steps) {
  std::vector<std::string> ids;
  const json* members = Member(body, "members");
  if (members != nullptr) {
    if (Refusal no = MemberIds(*members, &ids)) return no;
  }
  steps->push_back({MemberStep::kClear, ""});
  for (std::string& id : ids) steps->push_back({MemberStep::kAdd, std::move(id)});
  return {};
}

}  // namespace

http::Response ScimTwin::HandleOne(const Target& target, const std::string& id) {
  const ScimEntry* entry = target.resources.Find(id);
  if (entry == nullptr) return ScimError({404, "", absl::StrCat("there is no resource ", id)});
  const http::Request& request = target.call.request;
  const absl::string_view if_match = request.Header("If-Match");
  if (request.method != "GET" && !if_match.empty() &&
      !TagListed(if_match, EntityTag(entry->version))) {
    return ScimError({412, "", "the resource has changed"});
  }
  if (request.method == "GET") return Read(target, *entry);
  if (request.method == "PATCH") return Patch(target, *entry);
  if (request.method == "PUT") return Replace(target, *entry);
  if (request.method == "DELETE") return Delete(target, id);
  return ScimError({405, "", "this method is not supported here"});
}

http::Response ScimTwin::Read(const Target& target, const ScimEntry& entry) const {
  const absl::string_view known = target.call.request.Header("If-None-Match");
  if (!known.empty() && TagListed(known, EntityTag(entry.version))) return {.status = 304};
  return Answer(target, 200, entry);
}

http::Response ScimTwin::Answer(const Target& target, int status, const ScimEntry& entry) const {
  http::Response response = ScimJson(status, Render(target, entry));
  response.headers.emplace_back("ETag", EntityTag(entry.version));
  response.headers.emplace_back("Location", TextMember((*entry.document)["meta"], "location"));
  return response;
}

Refusal ScimTwin::Check(const Target& target, const json& attributes, const json* before,
                        absl::string_view own_id) const {
  const std::string missing = target.schema.Missing(attributes, before);
  if (!missing.empty()) {
    return BadRequest("invalidValue", absl::StrCat("a required attribute is missing: ", missing));
  }
  if (target.group) return {};
  for (const ScimEntry* other : users_.Named(TextMember(attributes, "userName"))) {
    if (other->id() != own_id) return {409, "uniqueness", "the userName is taken"};
  }
  const json* phone = ValueAt(attributes, "phoneNumbers[type eq \"work\"].value");
  if (profile_.phone_is_e164 && phone != nullptr && !IsE164(phone->get_ref<const std::string&>())) {
    return BadRequest("invalidValue", "the work phone must be in E.164: +16175551212");
  }
  const json* extension = Member(attributes, kEnterpriseUrn);
  const json* manager = extension == nullptr ? nullptr : Member(*extension, "manager");
  if (manager != nullptr && users_.Find(TextMember(*manager, "value")) == nullptr) {
    return BadRequest("invalidValue", "the manager is no user here");
  }
  return {};
}

Refusal ScimTwin::CheckMembers(const std::vector<MemberStep>& steps) const {
  for (const MemberStep& step : steps) {
    if (step.kind != MemberStep::kAdd) continue;
    if (users_.Find(step.id) == nullptr && groups_.Find(step.id) == nullptr) {
      return BadRequest("invalidValue", absl::StrCat("there is no member ", step.id));
    }
  }
  return {};
}

http::Response ScimTwin::Create(const Target& target) {
  const Call& call = target.call;
  json document;
  std::vector<MemberStep> steps;
  if (Refusal no = target.schema.Canonicalize(call.body, &document)) return ScimError(no);
  if (Refusal no = Check(target, document, nullptr, "")) return ScimError(no);
  if (target.group) {
    if (Refusal no = WholeMembers(call.body, &steps)) return ScimError(no);
    if (Refusal no = CheckMembers(steps)) return ScimError(no);
  }
  const std::string id = NewId();
  const std::string now = Timestamp(clock_.Now());
  const char* type = target.group ? "Group" : "User";
  document["schemas"] = SchemasOf(target.schema, document);
  document["id"] = id;
  document["meta"] = {
      {"resourceType", type},
      {"created", now},
      {"lastModified", now},
      {"version", EntityTag(1)},
      {"location", absl::StrCat(BaseUrl(call.request, profile_.base_path), "/", type, "s/", id)}};
  ScimEntry entry;
  entry.document = std::make_shared<const json>(std::move(document));
  ApplySteps(steps, &entry.members);
  if (behaviour_.visible_after > absl::ZeroDuration()) {
    entry.visible_at = clock_.Now() + behaviour_.visible_after;
  }
  http::Response response = Answer(target, 201, entry);
  if (target.circumstances.commit) target.resources.Put(std::move(entry));
  return response;
}

http::Response ScimTwin::Patch(const Target& target, const ScimEntry& entry) {
  const json before = AttributesOf(*entry.document);
  json attributes = before;
  std::vector<MemberStep> steps;
  if (Refusal no = ApplyPatch(target.schema, target.call.body, &attributes, &steps)) {
    return ScimError(no);
  }
  if (Refusal no = Check(target, attributes, &before, entry.id())) return ScimError(no);
  if (Refusal no = CheckMembers(steps)) return ScimError(no);
  ScimEntry scratch;
  const ScimEntry& after = Update(target, entry, std::move(attributes), steps, &scratch);
  const bool without_body = target.group || behaviour_.patch_user_status == 204;
  http::Response response;
  if (!without_body) return Answer(target, 200, after);
  response.status = 204;
  response.headers.emplace_back("ETag", EntityTag(after.version));
  return response;
}

http::Response ScimTwin::Replace(const Target& target, const ScimEntry& entry) {
  json attributes;
  std::vector<MemberStep> steps;
  if (Refusal no = target.schema.Canonicalize(target.call.body, &attributes)) return ScimError(no);
  if (Refusal no = Check(target, attributes, nullptr, entry.id())) return ScimError(no);
  if (target.group) {
    if (Refusal no = WholeMembers(target.call.body, &steps)) return ScimError(no);
    if (Refusal no = CheckMembers(steps)) return ScimError(no);
  }
  ScimEntry scratch;
  return Answer(target, 200, Update(target, entry, std::move(attributes), steps, &scratch));
}

const ScimEntry& ScimTwin::Update(const Target& target, const ScimEntry& before, json attributes,
                                  const std::vector<MemberStep>& steps, ScimEntry* scratch) {
  const std::string id = before.id();
  const std::shared_ptr<const json> old = before.document;
  const bool commit = target.circumstances.commit;
  if (!commit) *scratch = before;
  ScimEntry& entry = commit ? *target.resources.Find(id) : *scratch;
  const bool same = attributes == AttributesOf(*old);
  if (!ApplySteps(steps, &entry.members) && same) return entry;
  json meta = (*old)["meta"];
  meta["version"] = EntityTag(++entry.version);
  meta["lastModified"] = Timestamp(clock_.Now());
  attributes["schemas"] = SchemasOf(target.schema, attributes);
  attributes["id"] = id;
  attributes["meta"] = std::move(meta);
  auto document = std::make_shared<const json>(std::move(attributes));
  if (commit) {
    target.resources.SetDocument(id, std::move(document));
  } else {
    entry.document = std::move(document);
  }
  return entry;
}

http::Response ScimTwin::Delete(const Target& target, const std::string& id) {
  if (!target.group && behaviour_.delete_status != 204) {
    return ScimError({behaviour_.delete_status, "", "resources cannot be deleted here"});
  }
  if (target.circumstances.commit) {
    target.resources.Remove(id);
    Forget(id);
  }
  return {.status = 204};
}

// Groups and reports that pointed to the deleted one let go of it.
void ScimTwin::Forget(const std::string& id) {
  for (auto& [place, group] : groups_.entries()) {
    if (group.members.erase(id) > 0) ++group.version;
  }
  if (profile_.users.Find("manager", /*extension=*/true) == nullptr) return;
  for (auto& [place, user] : users_.entries()) {
    const json* extension = Member(*user.document, kEnterpriseUrn);
    const json* manager = extension == nullptr ? nullptr : Member(*extension, "manager");
    if (manager == nullptr || TextMember(*manager, "value") != id) continue;
    json document = *user.document;
    document[kEnterpriseUrn].erase("manager");
    user.document = std::make_shared<const json>(std::move(document));
    ++user.version;
  }
}

std::string ScimTwin::NewId() {
  if (profile_.id_form == IdForm::kUuid) return ids_.NewId(clock_.Now());
  const uint64_t number = next_number_++;
  if (profile_.id_form == IdForm::kDecimal) return absl::StrCat(number);
  return absl::StrFormat("%08x%016x", absl::ToUnixSeconds(clock_.Now()), number);
}

}  // namespace purser::sandbox
