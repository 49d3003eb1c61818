#include "tests/simulation/product/scim_history.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace purser::simulation {
namespace {

using nlohmann::json;

std::string TagOf(const http::Response& response) {
  for (const auto& [name, value] : response.headers) {
    if (name == "ETag") return value;
  }
  return "";
}

bool HasValues(const ModelResource& resource, const Operation& operation) {
  for (const auto& value : operation.values.items()) {
    if (resource.attributes.value(value.key(), json()) != value.value()) return false;
  }
  return !operation.manager.has_value() || ManagerOf(resource.attributes) == *operation.manager;
}

// Whether what was shown is that resource, as far as the clients set it; but for its members.
bool ShowsValues(const json& shown, const ModelResource& resource) {
  for (const char* attribute : {"userName", "title", "displayName", "active"}) {
    if (shown.value(attribute, json()) != resource.attributes.value(attribute, json())) {
      return false;
    }
  }
  if (ManagerOf(shown) != ManagerOf(resource.attributes)) return false;
  return shown.value("/meta/version"_json_pointer, "") == EntityTag(resource.version);
}

bool Shows(const json& shown, const ModelResource& resource) {
  std::set<std::string> members;
  for (const json& member : shown.value("members", json::array())) {
    members.insert(member.value("value", ""));
  }
  return members == resource.members && ShowsValues(shown, resource);
}

}  // namespace

ScimHistory::ScimHistory(const MemoryCluster* cluster, StreamId stream,
                         std::vector<std::string>* found)
    : judge_(cluster, std::move(stream)), found_(found), states_(1) {}

void ScimHistory::Note(const Operation& operation, const std::string& what) {
  found_->push_back(absl::StrCat("request ", operation.request_id, " (", operation.status, ") ",
                                 what, ", between ", operation.asked_at, " and ",
                                 operation.answered_at));
}

void ScimHistory::Follow() {
  for (const event::v1::Envelope& envelope : judge_.Follow(found_)) {
    states_.push_back(states_.back());
    const StreamPosition position = states_.size() - 1;
    states_.back().Apply(envelope, position, found_);
    touched_.push_back(envelope.resource_id());
    if (!envelope.request_id().empty()) stands_[envelope.request_id()].push_back(position);
  }
}

void ScimHistory::Ask(const OperationPtr& operation) {
  Follow();
  operation->asked_at = end();
  operations_.push_back(operation);
}

void ScimHistory::Answer(const OperationPtr& operation, const http::Response& response) {
  Follow();
  if (operation->status != 0) Note(*operation, "was answered twice");
  operation->answered_at = end();
  operation->status = response.status;
  operation->etag = TagOf(response);
  operation->body = json::parse(response.body, nullptr, false);
  if (!operation->body.is_object()) operation->body = json::object();
  if (operation->kind == Operation::Kind::kBulk) return AnswerBulk(operation.get());
  if (operation->kind == Operation::Kind::kCreate && response.status == 201) {
    operation->id = operation->body.value("id", "");
  }
  if (response.status == 503) {
    ++counts_.unknown;
  } else if (response.status < 300) {
    ++counts_.done;
    CheckDone(*operation);
  } else {
    ++counts_.refused;
    CheckRefusal(*operation);
  }
}

template <typename Predicate>
bool ScimHistory::Sometime(const Operation& operation, const Predicate& holds) const {
  for (StreamPosition at = operation.asked_at; at <= operation.answered_at; ++at) {
    if (holds(states_[at])) return true;
  }
  return false;
}

void ScimHistory::CheckDone(const Operation& operation) {
  if (operation.kind == Operation::Kind::kGet) return CheckRead(operation);
  if (operation.kind == Operation::Kind::kFind) return CheckFound(operation);
  const auto stands = stands_.find(operation.request_id);
  if (stands != stands_.end()) return CheckWritten(operation, stands->second.front());
  CheckUnchanged(operation);
}

// Its record came after it was asked, made what it asked for, and was right on the state before.
void ScimHistory::CheckWritten(const Operation& operation, StreamPosition at) {
  if (at <= operation.asked_at) Note(operation, "stood before it was asked");
  const DirectoryModel& before = states_[at - 1];
  const ModelResource* was = before.Find(operation.id);
  const ModelResource* is = states_[at].Find(operation.id);
  if (operation.if_match != 0 && (was == nullptr || was->version != operation.if_match)) {
    Note(operation, "was done to another version than it named");
  }
  if (operation.kind == Operation::Kind::kDelete) {
    if (is != nullptr) Note(operation, "deleted, and it is there");
    return;
  }
  if (is == nullptr || !HasValues(*is, operation)) {
    return Note(operation, "stands, and is not what was asked");
  }
  if (operation.etag != EntityTag(is->version)) Note(operation, "told another version");
  // The answer to a write shows the members as of when it was sent.
  if (!operation.body.empty() && !ShowsValues(operation.body, *is)) {
    Note(operation, "shows another");
  }
  for (const std::string& member : operation.added) {
    if (!is->members.contains(member)) Note(operation, "did not add a member");
  }
  for (const std::string& member : operation.removed) {
    if (is->members.contains(member)) Note(operation, "did not remove a member");
  }
}

void ScimHistory::CheckUnchanged(const Operation& operation) {
  const bool may =
      operation.kind == Operation::Kind::kPatch || operation.kind == Operation::Kind::kReplace;
  const bool was = may && Sometime(operation, [&](const DirectoryModel& state) {
                     const ModelResource* is = state.Find(operation.id);
                     return is != nullptr && HasValues(*is, operation) &&
                            operation.etag == EntityTag(is->version) &&
                            (operation.if_match == 0 || operation.if_match == is->version);
                   });
  if (!was) Note(operation, "was acknowledged and does not stand");
}

void ScimHistory::CheckRead(const Operation& operation) {
  const bool was = Sometime(operation, [&](const DirectoryModel& state) {
    const ModelResource* is = state.Find(operation.id);
    return is != nullptr && Shows(operation.body, *is);
  });
  if (!was) Note(operation, "shows what never was");
}

void ScimHistory::CheckFound(const Operation& operation) {
  const std::string name = operation.values.value("userName", "");
  const json found = operation.body.value("Resources", json::array());
  const bool was = Sometime(operation, [&](const DirectoryModel& state) {
    const std::string holder = state.HolderOf(name);
    if (holder.empty() || found.empty()) return holder.empty() && found.empty();
    return found.size() == 1 && found[0].value("id", "") == holder &&
           Shows(found[0], *state.Find(holder));
  });
  if (!was) Note(operation, "found what never was");
}

bool ScimHistory::IsReason(const Operation& operation, const DirectoryModel& state) const {
  const ModelResource* is = state.Find(operation.id);
  switch (operation.status) {
    case 400:
      return std::any_of(operation.added.begin(), operation.added.end(),
                         [&](const auto& member) { return state.Find(member) == nullptr; });
    case 404:
      return operation.kind != Operation::Kind::kCreate && is == nullptr;
    case 409: {
      const std::string holder = state.HolderOf(operation.values.value("userName", ""));
      return !holder.empty() && holder != operation.id;
    }
    case 412:
      return is != nullptr && is->version != operation.if_match;
    default:
      return false;
  }
}

// A refusal is a read: some state between the request and its answer was its reason.
void ScimHistory::CheckRefusal(const Operation& operation) {
  const bool was =
      Sometime(operation, [&](const auto& state) { return IsReason(operation, state); });
  if (!was) Note(operation, "was refused, and never rightly so");
}

void ScimHistory::CheckEnd() {
  Follow();
  for (const OperationPtr& operation : operations_) {
    if (operation->kind == Operation::Kind::kBulk) {
      CheckUnclaimed(*operation);
      continue;
    }
    const auto stands = stands_.find(operation->request_id);
    const size_t times = stands == stands_.end() ? 0 : stands->second.size();
    const bool refused = operation->status >= 300 && operation->status != 503;
    if (times > 1) Note(*operation, "stands twice");
    if (times > 0 && (refused || !operation->writes())) Note(*operation, "changed something");
  }
}

}  // namespace purser::simulation
