#include <algorithm>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "broker/base/status.h"
#include "broker/scim/bulk.h"
#include "broker/scim/error.h"

namespace purser::scim {
namespace {

using nlohmann::json;

constexpr absl::string_view kPrefix = "bulkId:";

bool IsBulkReference(absl::string_view text) { return absl::StartsWithIgnoreCase(text, kPrefix); }

// Visits the ids in a value of an attribute that refers to resources: {"value": id}, a list of
// such, or an id alone.
template <typename Visit>
absl::Status ForEachId(json* value, const Visit& visit) {
  if (value->is_array()) {
    for (json& element : *value) RETURN_IF_ERROR(ForEachId(&element, visit));
    return absl::OkStatus();
  }
  if (value->is_object()) {
    const auto id = value->find("value");
    return id == value->end() ? absl::OkStatus() : ForEachId(&*id, visit);
  }
  return value->is_string() ? visit(value->get_ptr<std::string*>()) : absl::OkStatus();
}

// Visits the attributes that refer to resources among those of one schema.
template <typename Visit>
absl::Status ForEachReferenceIn(const Schema& schema, const Schema* extension, json* holder,
                                const Visit& visit) {
  for (const Attribute& attribute : schema.attributes) {
    if (!attribute.refers_by_value || !holder->contains(attribute.name)) continue;
    RETURN_IF_ERROR(visit(AttributeRef{extension, &attribute, nullptr}, holder));
  }
  return absl::OkStatus();
}

template <typename Visit>
absl::Status ForEachReference(const ResourceSchema& schema, json* attributes, const Visit& visit) {
  RETURN_IF_ERROR(ForEachReferenceIn(schema.core, nullptr, attributes, visit));
  for (const Schema& extension : schema.extensions) {
    const auto holder = attributes->find(extension.urn);
    if (holder == attributes->end()) continue;
    RETURN_IF_ERROR(ForEachReferenceIn(extension, &extension, &*holder, visit));
  }
  return absl::OkStatus();
}

void RenderText(ResourceInput* input) {
  input->attributes_text.clear();
  AppendJson(input->attributes, &input->attributes_text);
}

// Puts minted ids in the place of bulkIds.
class ReferenceResolver {
 public:
  explicit ReferenceResolver(BulkRequest* request) : request_(request) {
    for (size_t i = 0; i < request->operations.size(); ++i) {
      referred_by_.push_back(i);  // What refers to itself refers to nothing else.
      const BulkOperation& operation = request->operations[i];
      if (operation.method == "POST") posts_.emplace(operation.bulk_id, i);
    }
  }

  void ResolveAll() {
    for (current_ = 0; current_ < request_->operations.size(); ++current_) {
      BulkOperation& operation = request_->operations[current_];
      if (!operation.refusal.ok()) continue;
      operation.refusal = ResolveOperation(&operation);
      if (!operation.refusal.ok()) operation.references.clear();
    }
  }

 private:
  absl::Status ResolveOperation(BulkOperation* operation) {
    RETURN_IF_ERROR(Resolve(&operation->id));
    if (operation->input.has_value()) {
      RETURN_IF_ERROR(ResolveInput(*operation->schema, &*operation->input));
    }
    return operation->patch.has_value() ? ResolvePatch(&*operation->patch) : absl::OkStatus();
  }

  absl::Status ResolveInput(const ResourceSchema& schema, ResourceInput* input) {
    for (std::string& id : input->members) RETURN_IF_ERROR(Resolve(&id));
    bool changed = false;
    RETURN_IF_ERROR(
        ForEachReference(schema, &input->attributes, [&](const AttributeRef& ref, json* holder) {
          return ForEachId(&(*holder)[ref.attribute->name], [&](std::string* id) {
            changed |= IsBulkReference(*id);
            return Resolve(id);
          });
        }));
    if (changed) RenderText(input);
    return absl::OkStatus();
  }

  absl::Status ResolvePatch(PatchRequest* patch) {
    for (std::string& id : patch->ids) RETURN_IF_ERROR(Resolve(&id));
    for (MemberOperation& operation : patch->members) {
      for (std::string& id : operation.ids) RETURN_IF_ERROR(Resolve(&id));
      if (operation.filter.has_value()) RETURN_IF_ERROR(CheckFilter(*operation.filter));
    }
    for (AttributeOperation& operation : patch->attributes) {
      if (operation.target.attribute == nullptr || !operation.target.attribute->refers_by_value) {
        continue;
      }
      RETURN_IF_ERROR(ForEachId(&operation.value, [&](std::string* id) { return Resolve(id); }));
    }
    return absl::OkStatus();
  }

  // members[value eq "bulkId:x"] became an id; in any other filter it would match nobody.
  static absl::Status CheckFilter(const Filter& filter) {
    const auto refers = [](const Filter::Node& node) { return IsBulkReference(node.literal.text); };
    if (std::none_of(filter.nodes().begin(), filter.nodes().end(), refers)) return absl::OkStatus();
    return BadRequest(ErrorType::kInvalidValue,
                      "a bulkId stands in a filter other than members[value eq ..]");
  }

  absl::Status Resolve(std::string* id) {
    if (!IsBulkReference(*id)) return absl::OkStatus();
    const auto post = posts_.find(absl::string_view(*id).substr(kPrefix.size()));
    if (post == posts_.end()) {
      return BadRequest(ErrorType::kInvalidValue,
                        "it refers to a bulkId that no POST of this request has");
    }
    *id = request_->operations[post->second].id;
    std::vector<size_t>& references = request_->operations[current_].references;
    if (referred_by_[post->second] != current_) references.push_back(post->second);
    referred_by_[post->second] = current_;
    return absl::OkStatus();
  }

  BulkRequest* const request_;
  absl::flat_hash_map<absl::string_view, size_t> posts_;  // by bulkId
  std::vector<size_t> referred_by_;                       // a POST, by which operation last
  size_t current_ = 0;
};

// Tarjan's strongly connected components, which come out after those they refer to.
class Ordering {
 public:
  explicit Ordering(BulkRequest* request)
      : request_(request), visits_(request->operations.size()) {}

  void Order() {
    for (size_t i = 0; i < visits_.size(); ++i) {
      if (visits_[i].number == 0) Visit(i);
    }
  }

 private:
  struct Visited {
    size_t number = 0;  // 0: not yet
    size_t lowest = 0;
    bool open = false;
  };

  void Visit(size_t place) {
    visits_[place] = {++count_, count_, true};
    open_.push_back(place);
    for (const size_t other : request_->operations[place].references) {
      if (visits_[other].number == 0) Visit(other);
      if (!visits_[other].open) continue;
      visits_[place].lowest = std::min(visits_[place].lowest, visits_[other].lowest);
    }
    if (visits_[place].lowest == visits_[place].number) Close(place);
  }

  void Close(size_t place) {
    const auto first = std::find(open_.begin(), open_.end(), place);
    std::vector<size_t> step(first, open_.end());
    open_.erase(first, open_.end());
    for (const size_t one : step) visits_[one].open = false;
    std::sort(step.begin(), step.end());
    request_->steps.push_back(std::move(step));
  }

  BulkRequest* const request_;
  std::vector<Visited> visits_;
  std::vector<size_t> open_;
  size_t count_ = 0;
};

// Moves what refers to one of `later` from the input to the completion.
void LeaveOut(const std::set<std::string>& later, BulkOperation* operation) {
  PatchRequest completion;
  completion.schema = operation->schema;
  ResourceInput& input = *operation->input;
  const auto stays = [&](const std::string& id) { return later.count(id) == 0; };
  const auto out = std::stable_partition(input.members.begin(), input.members.end(), stays);
  if (out != input.members.end()) {
    completion.members.push_back({.kind = MemberOperation::Kind::kAdd,
                                  .ids = std::vector<std::string>(out, input.members.end())});
    input.members.erase(out, input.members.end());
  }
  std::vector<std::pair<json*, AttributeRef>> moved;
  const absl::Status visited =
      ForEachReference(*operation->schema, &input.attributes, [&](auto ref, json* holder) {
        return ForEachId(&(*holder)[ref.attribute->name], [&](const std::string* id) {
          const bool known = !moved.empty() && moved.back() == std::pair(holder, ref);
          if (!stays(*id) && !known) moved.emplace_back(holder, ref);
          return absl::OkStatus();
        });
      });
  visited.IgnoreError();
  for (const auto& [holder, ref] : moved) {
    completion.attributes.push_back({.kind = PatchKind::kReplace,
                                     .target = ref,
                                     .value = std::move((*holder)[ref.attribute->name])});
    holder->erase(ref.attribute->name);
    if (ref.extension != nullptr && holder->empty()) input.attributes.erase(ref.extension->urn);
  }
  if (!moved.empty()) RenderText(&input);
  operation->completion = std::move(completion);
}

size_t MembersIn(const std::vector<size_t>& step, const BulkRequest& request) {
  size_t members = 0;
  for (const size_t place : step) members += request.operations[place].input->members.size();
  return members;
}

void RefuseCircle(const std::vector<size_t>& step, BulkRequest* request) {
  for (const size_t place : step) {
    request->operations[place].refusal =
        ScimError(409, ErrorType::kNone, "too many members are in groups that hold each other");
  }
}

void OpenCircle(const std::vector<size_t>& step, BulkRequest* request) {
  if (MembersIn(step, *request) > kMaxCircleMembers) return RefuseCircle(step, request);
  std::set<std::string> later;
  for (auto place = step.rbegin(); place != step.rend(); ++place) {
    BulkOperation& operation = request->operations[*place];
    const bool refers =
        std::any_of(operation.references.begin(), operation.references.end(),
                    [&](size_t other) { return later.count(request->operations[other].id) > 0; });
    if (refers) LeaveOut(later, &operation);
    later.insert(operation.id);
  }
}

}  // namespace

void ResolveBulkReferences(BulkRequest* request) {
  ReferenceResolver(request).ResolveAll();
  Ordering(request).Order();
  for (const std::vector<size_t>& step : request->steps) {
    if (step.size() > 1) OpenCircle(step, request);
  }
}

}  // namespace purser::scim
