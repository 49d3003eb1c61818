#include "broker/scim/patch.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/scim/error.h"
#include "broker/scim/mutability.h"
#include "broker/scim/resource_input.h"
#include "broker/scim/value.h"

namespace purser::scim {
namespace {

using nlohmann::json;

absl::Status NoTarget() {
  return BadRequest(ErrorType::kNoTarget, "the path matches no value of the resource");
}

// Puts the sub-attributes of `changes` into `element`; null takes one out.
void MergeObject(const json& changes, json* element) {
  for (const auto& [name, value] : *changes.get_ptr<const json::object_t*>()) {
    if (value.is_null()) {
      element->erase(name);
    } else {
      (*element)[name] = value;
    }
  }
}

void SetOrErase(const std::string& name, const json& value, json* holder) {
  if (value.is_null()) {
    holder->erase(name);
  } else {
    (*holder)[name] = value;
  }
}

// Applies one operation to the object that holds its attribute.
class Application {
 public:
  Application(const AttributeOperation& operation, json* holder, size_t* work)
      : operation_(operation),
        attribute_(*operation.target.attribute),
        sub_(operation.target.sub),
        holder_(*holder),
        work_(*work) {}

  absl::Status Run() {
    DropMisfit();
    RETURN_IF_ERROR(operation_.filter.has_value() ? ApplyToMatches() : ApplyToAll());
    DropEmpty();
    return absl::OkStatus();
  }

 private:
  bool removes() const { return operation_.kind == PatchKind::kRemove; }

  // What was stored before the attribute had the type it has now.
  void DropMisfit() {
    const auto value = holder_.find(attribute_.name);
    if (value != holder_.end() && !FitsType(attribute_, *value)) holder_.erase(value);
  }

  absl::Status ApplyToAll() {
    if (attribute_.multi_valued) return sub_ != nullptr ? ApplyToEachSub() : ApplyToArray();
    if (sub_ != nullptr) return ApplyToSub();
    if (removes() || operation_.value.is_null()) {
      holder_.erase(attribute_.name);
    } else if (attribute_.is_complex()) {
      json& object = holder_[attribute_.name];
      if (!object.is_object()) object = json::object();
      MergeObject(operation_.value, &object);
    } else {
      holder_[attribute_.name] = operation_.value;
    }
    return absl::OkStatus();
  }

  absl::Status ApplyToSub() {
    json& object = holder_[attribute_.name];
    if (!object.is_object()) object = json::object();
    SetOrErase(sub_->name, operation_.value, &object);
    return absl::OkStatus();
  }

  absl::Status ApplyToArray() {
    const json& value = operation_.value;
    if (removes()) {
      RETURN_IF_ERROR(RemoveListed());
    } else if (operation_.kind == PatchKind::kReplace) {
      SetOrErase(attribute_.name, value, &holder_);
    } else if (!value.is_null()) {
      RETURN_IF_ERROR(Work(holder_[attribute_.name].size() + value.size()));
      MergeElements(value, &holder_[attribute_.name]);
    }
    return absl::OkStatus();
  }

  absl::Status RemoveListed() {
    const auto array = holder_.find(attribute_.name);
    if (array == holder_.end()) return absl::OkStatus();
    if (operation_.value.is_null()) {
      holder_.erase(array);
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(Work(array->size() * operation_.value.size()));
    json kept = json::array();
    for (json& element : *array) {
      if (!IsListed(element)) kept.push_back(std::move(element));
    }
    *array = std::move(kept);
    return absl::OkStatus();
  }

  // Listed by its value, and by whatever else is given with it.
  bool IsListed(const json& element) const {
    return std::any_of(operation_.value.begin(), operation_.value.end(), [&](const json& listed) {
      if (!listed.is_object() || !element.is_object()) return listed == element;
      const auto& given = *listed.get_ptr<const json::object_t*>();
      return std::all_of(given.begin(), given.end(), [&](const auto& item) {
        const auto own = element.find(item.first);
        return own != element.end() && *own == item.second;
      });
    });
  }

  // "emails.value": of every value; add makes one where there is none.
  absl::Status ApplyToEachSub() {
    json& array = holder_[attribute_.name];
    if (!array.is_array()) array = json::array();
    if (array.empty() && !removes() && !operation_.value.is_null()) {
      array.push_back(json{{sub_->name, operation_.value}});
      return absl::OkStatus();
    }
    if (sub_->name == "primary" && operation_.value == true && array.size() > 1) {
      return BadRequest(ErrorType::kInvalidValue, "at most one value is primary");
    }
    for (json& element : array) SetOrErase(sub_->name, operation_.value, &element);
    return absl::OkStatus();
  }

  absl::Status ApplyToMatches() {
    json& value = holder_[attribute_.name];
    ASSIGN_OR_RETURN(const std::vector<size_t> matches, Matches(value));
    if (matches.empty()) return ApplyWithoutMatch(&value);
    if (!value.is_array()) return ApplyToMatch(&value);
    for (const size_t i : matches) {
      RETURN_IF_ERROR(ApplyToMatch(&value[i]));
    }
    return SettlePrimary(matches, &value);
  }

  absl::Status Work(size_t comparisons) const {
    work_ += comparisons;
    if (work_ <= kMaxPatchWork) return absl::OkStatus();
    return BadRequest(ErrorType::kTooMany, "the request costs more than the directory will do");
  }

  absl::StatusOr<std::vector<size_t>> Matches(const json& value) const {
    std::vector<size_t> matches;
    const size_t count = value.is_array() ? value.size() : value.is_object() ? 1 : 0;
    RETURN_IF_ERROR(Work(count * operation_.filter->nodes().size()));
    for (size_t i = 0; i < count; ++i) {
      const json& element = value.is_array() ? value[i] : value;
      ASSIGN_OR_RETURN(const bool match, EvaluateOnElement(*operation_.filter, element));
      if (match) matches.push_back(i);
    }
    return matches;
  }

  // Null marks an element that goes; DropEmpty() takes it out.
  absl::Status ApplyToMatch(json* element) const {
    const json& value = operation_.value;
    if (sub_ != nullptr) {
      SetOrErase(sub_->name, removes() ? json() : value, element);
    } else if (removes() || (value.is_null() && !operation_.merge_element)) {
      *element = nullptr;
    } else if (operation_.merge_element) {
      if (!value.is_null()) MergeObject(value, element);
    } else {
      *element = value;
    }
    return absl::OkStatus();
  }

  absl::Status ApplyWithoutMatch(json* value) const {
    if (removes()) return absl::OkStatus();
    if (operation_.kind == PatchKind::kReplace) return NoTarget();
    std::optional<json> element = ImpliedElement(*operation_.filter);
    if (!element.has_value()) return NoTarget();
    if (operation_.value.is_null()) return absl::OkStatus();
    if (sub_ != nullptr) {
      (*element)[sub_->name] = operation_.value;
    } else {
      MergeObject(operation_.value, &*element);
    }
    if (!attribute_.multi_valued) {
      *value = *std::move(element);
      return absl::OkStatus();
    }
    json elements = json::array();
    elements.push_back(*std::move(element));
    MergeElements(std::move(elements), value);
    return absl::OkStatus();
  }

  // A value that this operation has made primary takes it from the others.
  absl::Status SettlePrimary(const std::vector<size_t>& matches, json* array) const {
    const json& value = operation_.value;
    const bool makes_primary =
        sub_ != nullptr ? sub_->name == "primary" && value == true : IsPrimary(value);
    if (!makes_primary) return absl::OkStatus();
    if (matches.size() > 1) {
      return BadRequest(ErrorType::kInvalidValue, "at most one value is primary");
    }
    ClearOtherPrimaries(matches[0], array);
    return absl::OkStatus();
  }

  void DropEmpty() {
    const auto value = holder_.find(attribute_.name);
    if (value == holder_.end()) return;
    if (value->is_array()) {
      json::array_t& array = *value->get_ptr<json::array_t*>();
      array.erase(std::remove_if(array.begin(), array.end(),
                                 [](const json& element) { return element.empty(); }),
                  array.end());
    }
    if (value->empty() || IsClearedManager(*value)) holder_.erase(value);
  }

  // A manager of which only what is derived from the value is left.
  bool IsClearedManager(const json& value) const {
    if (!attribute_.accepts_bare_value || !value.is_object()) return false;
    const auto id = value.find("value");
    return id == value.end() || *id == "";
  }

  const AttributeOperation& operation_;
  const Attribute& attribute_;
  const Attribute* sub_;
  json& holder_;
  size_t& work_;
};

absl::Status ApplyOne(const AttributeOperation& operation, json* attributes, size_t* work) {
  const Schema* extension = operation.target.extension;
  if (extension == nullptr) return Application(operation, attributes, work).Run();
  if (operation.target.attribute == nullptr) {
    attributes->erase(extension->urn);
    return absl::OkStatus();
  }
  json& holder = (*attributes)[extension->urn];
  if (!holder.is_object()) holder = json::object();
  RETURN_IF_ERROR(Application(operation, &holder, work).Run());
  if (holder.empty()) attributes->erase(extension->urn);
  return absl::OkStatus();
}

// Of the core, and of the extensions that the request changes: what it leaves alone may be older
// than the schema.
absl::Status CheckComplete(const PatchRequest& request, const json& attributes) {
  for (const Schema& extension : request.schema->extensions) {
    const auto changes = [&](const AttributeOperation& operation) {
      return operation.target.extension == &extension;
    };
    const auto holder = attributes.find(extension.urn);
    if (holder == attributes.end() ||
        std::none_of(request.attributes.begin(), request.attributes.end(), changes)) {
      continue;
    }
    RETURN_IF_ERROR(CheckRequiredIn(extension, *holder));
  }
  return CheckRequiredIn(request.schema->core, attributes);
}

event::v1::AttributeChange Change(const std::string& schema, const std::string& name,
                                  const json* value) {
  event::v1::AttributeChange change;
  change.set_schema(schema);
  change.set_attribute(name);
  if (value != nullptr) AppendJson(*value, change.mutable_value());
  return change;
}

// Extensions stand under their URN, and core attributes' names hold no colon.
bool IsUrn(const std::string& name) { return name.find(':') != std::string::npos; }

void DiffHolder(const std::string& schema, const json& before, const json& after,
                std::vector<event::v1::AttributeChange>* changes) {
  for (const auto& [name, value] : *after.get_ptr<const json::object_t*>()) {
    if (IsUrn(name)) continue;
    const auto old = before.find(name);
    if (old != before.end() && SameValue(*old, value)) continue;
    changes->push_back(Change(schema, name, &value));
  }
  for (const auto& [name, value] : *before.get_ptr<const json::object_t*>()) {
    if (!IsUrn(name) && !after.contains(name)) changes->push_back(Change(schema, name, nullptr));
  }
}

}  // namespace

std::vector<AttributeRef> RequestedBy(const PatchRequest& request) {
  std::vector<AttributeRef> given;
  for (const AttributeOperation& operation : request.attributes) {
    const AttributeRef& target = operation.target;
    if (target && target.attribute->is_returned_on_request()) given.push_back(target);
  }
  return given;
}

absl::Status ApplyPatch(const PatchRequest& request, absl::string_view resource_id,
                        json* attributes) {
  for (const std::string& id : request.ids) {
    if (id != resource_id) {
      return BadRequest(ErrorType::kMutability, "attribute \"id\" is read-only");
    }
  }
  size_t work = 0;
  for (const AttributeOperation& operation : request.attributes) {
    const Standing standing(operation.target, *attributes);
    RETURN_IF_ERROR(ApplyOne(operation, attributes, &work));
    RETURN_IF_ERROR(standing.Check(*attributes));
  }
  return CheckComplete(request, *attributes);
}

std::vector<event::v1::AttributeChange> DiffAttributes(const json& before, const json& after) {
  std::vector<event::v1::AttributeChange> changes;
  static const json* const nothing = new json(json::object());
  DiffHolder("", before, after, &changes);
  for (const auto& [urn, value] : *after.get_ptr<const json::object_t*>()) {
    if (!IsUrn(urn)) continue;
    const auto old = before.find(urn);
    DiffHolder(urn, old != before.end() ? *old : *nothing, value, &changes);
  }
  for (const auto& [urn, value] : *before.get_ptr<const json::object_t*>()) {
    if (IsUrn(urn) && !after.contains(urn)) DiffHolder(urn, value, *nothing, &changes);
  }
  return changes;
}

absl::Status ApplyChange(const event::v1::AttributeChange& change, json* attributes) {
  json value;
  if (!change.value().empty()) {
    value = json::parse(change.value(), nullptr, false);
    if (value.is_discarded()) return absl::DataLossError("an attribute's value is no JSON");
  }
  json* holder = attributes;
  if (!change.schema().empty()) {
    holder = &(*attributes)[change.schema()];
    if (!holder->is_object()) *holder = json::object();
  }
  SetOrErase(change.attribute(), value, holder);
  if (!change.schema().empty() && holder->empty()) attributes->erase(change.schema());
  return absl::OkStatus();
}

}  // namespace purser::scim
