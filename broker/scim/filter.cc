#include "broker/scim/filter.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "broker/base/status.h"
#include "broker/domain/caseless.h"
#include "broker/scim/error.h"
#include "broker/scim/times.h"

namespace purser::scim {
namespace {

using nlohmann::json;
using Node = Filter::Node;

template <typename T>
bool Ordered(FilterOp op, const T& a, const T& b) {
  switch (op) {
    case FilterOp::kEq:
      return a == b;
    case FilterOp::kNe:
      return !(a == b);
    case FilterOp::kGt:
      return b < a;
    case FilterOp::kGe:
      return !(a < b);
    case FilterOp::kLt:
      return a < b;
    case FilterOp::kLe:
      return !(b < a);
    default:
      return false;
  }
}

bool TextMatches(FilterOp op, absl::string_view value, absl::string_view literal) {
  switch (op) {
    case FilterOp::kCo:
      return absl::StrContains(value, literal);
    case FilterOp::kSw:
      return absl::StartsWith(value, literal);
    case FilterOp::kEw:
      return absl::EndsWith(value, literal);
    default:
      return Ordered(op, value, literal);
  }
}

bool CompareText(const Node& node, absl::string_view value) {
  if (node.ref.leaf().case_exact) return TextMatches(node.op, value, node.literal.text);
  if (node.op == FilterOp::kEq && value == node.literal.text) return true;
  return TextMatches(node.op, CaselessKey(value), node.literal.key);
}

bool CompareTime(const Node& node, absl::Time value) {
  const bool as_text =
      node.op == FilterOp::kCo || node.op == FilterOp::kSw || node.op == FilterOp::kEw;
  if (as_text) return TextMatches(node.op, FormatDateTime(value), node.literal.text);
  value = absl::FromUnixMillis(absl::ToUnixMillis(value));  // as clients are shown it
  return Ordered(node.op, value, node.literal.time);
}

bool CompareValue(const Node& node, const json& value) {
  switch (node.ref.leaf().type) {
    case AttributeType::kBoolean:
      return value.is_boolean() && Ordered(node.op, value.get<bool>(), node.literal.boolean);
    case AttributeType::kInteger:
    case AttributeType::kDecimal:
      return value.is_number() && Ordered(node.op, value.get<double>(), node.literal.number);
    case AttributeType::kDateTime: {
      absl::Time time;
      return value.is_string() &&
             absl::ParseTime(absl::RFC3339_full, value.get_ref<const std::string&>(), &time,
                             nullptr) &&
             CompareTime(node, time);
    }
    default:
      return value.is_string() && CompareText(node, value.get_ref<const std::string&>());
  }
}

// Matches where there is no value: ne does, and eq null.
bool MatchesAbsence(const Node& node) {
  if (node.kind != Filter::Kind::kCompare) return false;
  return node.literal.is_null ? node.op == FilterOp::kEq : node.op == FilterOp::kNe;
}

bool MatchesPresence(const Node& node) {
  if (node.kind == Filter::Kind::kPresent) return true;
  return node.literal.is_null && node.op == FilterOp::kNe;
}

bool TestsPresence(const Node& node) {
  return node.kind == Filter::Kind::kPresent || node.literal.is_null;
}

bool IsOf(const Node& node, absl::string_view attribute) {
  return node.known && node.ref.extension == nullptr && node.ref.attribute->name == attribute;
}

bool IsMemberEquality(const Node& node) {
  return node.kind == Filter::Kind::kCompare && IsOf(node, "members") && node.op == FilterOp::kEq &&
         !node.literal.is_null && node.ref.sub != nullptr && node.ref.sub->name == "value";
}

class Evaluator {
 public:
  Evaluator(const Filter& filter, const ResourceView* view) : filter_(filter), view_(view) {}

  // `element`: the one that a value path has bound; nullptr outside of one.
  bool Test(const Node& node, const json* element) {
    if (--work_ < 0) return false;
    switch (node.kind) {
      case Filter::Kind::kAnd:
        return std::all_of(node.children.begin(), node.children.end(),
                           [&](uint32_t i) { return Test(filter_.nodes()[i], element); });
      case Filter::Kind::kOr:
        return std::any_of(node.children.begin(), node.children.end(),
                           [&](uint32_t i) { return Test(filter_.nodes()[i], element); });
      case Filter::Kind::kNot:
        return !Test(filter_.nodes()[node.children[0]], element);
      case Filter::Kind::kValuePath:
        return TestValuePath(node);
      default:
        if (!node.known) return MatchesAbsence(node);
        return element != nullptr ? TestElement(node, *element) : TestResource(node);
    }
  }

  bool exhausted() const { return work_ < 0; }

 private:
  bool TestOne(const Node& node, const json& value) {
    --work_;
    if (value.is_structured() && value.empty()) return false;
    return TestsPresence(node) ? MatchesPresence(node) : CompareValue(node, value);
  }

  bool TestElement(const Node& node, const json& element) {
    if (node.ref.sub == nullptr) return TestOne(node, element);
    if (!element.is_object()) return MatchesAbsence(node);
    const auto value = element.find(node.ref.sub->name);
    return value == element.end() ? MatchesAbsence(node) : TestOne(node, *value);
  }

  // Any value of a multi-valued attribute will do (RFC 7644, section 3.4.2.2).
  bool TestValues(const Node& node, const json& value) {
    if (!value.is_array()) return TestLeaf(node, value);
    bool assigned = false;
    for (const json& element : value) {
      if (work_ < 0) return false;
      if (node.ref.sub != nullptr && !element.contains(node.ref.sub->name)) continue;
      assigned = true;
      if (TestLeaf(node, element)) return true;
    }
    return !assigned && MatchesAbsence(node);
  }

  bool TestLeaf(const Node& node, const json& value) {
    return node.ref.sub != nullptr ? TestElement(node, value) : TestOne(node, value);
  }

  bool TestResource(const Node& node) {
    const std::string& name = node.ref.attribute->name;
    if (node.ref.extension == nullptr) {
      if (name == "id") return TestOne(node, view_->resource->id);
      if (name == "meta") return TestMeta(node);
      if (name == "schemas") return TestSchemas(node);
      if (name == "members" || name == "groups") return TestReferences(node, name == "members");
    }
    const json* value = FindAttribute(node.ref);
    return value == nullptr ? MatchesAbsence(node) : TestValues(node, *value);
  }

  const json* FindAttribute(const AttributeRef& ref) const {
    const json* holder = &view_->resource->attributes;
    if (ref.extension != nullptr) {
      const auto extension = holder->find(ref.extension->urn);
      if (extension == holder->end()) return nullptr;
      holder = &*extension;
    }
    const auto value = holder->find(ref.attribute->name);
    return value == holder->end() ? nullptr : &*value;
  }

  bool TestSchemas(const Node& node) {
    if (TestsPresence(node)) return MatchesPresence(node);
    const ResourceSchema& schema = *filter_.schema();
    if (CompareText(node, schema.core.urn)) return true;
    return std::any_of(schema.extensions.begin(), schema.extensions.end(),
                       [&](const Schema& extension) {
                         return view_->resource->attributes.contains(extension.urn) &&
                                CompareText(node, extension.urn);
                       });
  }

  bool TestMeta(const Node& node) {
    if (TestsPresence(node)) return MatchesPresence(node);
    const Resource& resource = *view_->resource;
    if (node.ref.sub == nullptr) return MatchesAbsence(node);
    const std::string& sub = node.ref.sub->name;
    if (sub == "created") return CompareTime(node, resource.created);
    if (sub == "lastModified") return CompareTime(node, resource.last_modified);
    if (sub == "resourceType") return CompareText(node, NameOf(resource.type));
    if (sub == "version") return CompareText(node, absl::StrCat("W/\"", resource.version, "\""));
    return MatchesAbsence(node);
  }

  static json ToElement(const Reference& reference, bool member) {
    json element = {{"value", reference.id}};
    if (!reference.display.empty()) element["display"] = reference.display;
    element["type"] = std::string(member             ? NameOf(reference.type)
                                  : reference.direct ? "direct"
                                                     : "indirect");
    return element;
  }

  // One question to the store, where the filter asks for one member by its id.
  bool AsksStore(const Node& node) const {
    return view_->members == nullptr && view_->has_member && IsMemberEquality(node);
  }

  bool TestReferences(const Node& node, bool members) {
    if (members && AsksStore(node)) return view_->has_member(node.literal.text);
    const std::vector<Reference>* references = members ? view_->members : view_->groups;
    bool assigned = false;
    if (references != nullptr) {
      for (const Reference& reference : *references) {
        if (work_ < 0) return false;
        const json element = ToElement(reference, members);
        if (node.ref.sub != nullptr && !element.contains(node.ref.sub->name)) continue;
        assigned = true;
        if (TestLeaf(node, element)) return true;
      }
    }
    return !assigned && MatchesAbsence(node);
  }

  bool TestValuePath(const Node& node) {
    if (!node.known) return false;
    const Node& inner = filter_.nodes()[node.children[0]];
    const std::string& name = node.ref.attribute->name;
    if (node.ref.extension == nullptr && (name == "members" || name == "groups")) {
      return TestReferencePath(inner, name == "members");
    }
    const json* value = FindAttribute(node.ref);
    if (value == nullptr) return false;
    if (!value->is_array()) return Test(inner, value);
    return std::any_of(value->begin(), value->end(),
                       [&](const json& element) { return Test(inner, &element); });
  }

  bool TestReferencePath(const Node& inner, bool members) {
    if (members && AsksStore(inner)) return view_->has_member(inner.literal.text);
    const std::vector<Reference>* references = members ? view_->members : view_->groups;
    if (references == nullptr) return false;
    return std::any_of(references->begin(), references->end(), [&](const Reference& reference) {
      const json element = ToElement(reference, members);
      return Test(inner, &element);
    });
  }

  const Filter& filter_;
  const ResourceView* view_;
  int work_ = kMaxFilterWork;
};

absl::Status TooMuchWork() {
  return BadRequest(ErrorType::kTooMany,
                    "the filter costs more than the directory is willing to do");
}

using Key = IndexedEquality::Key;

std::optional<Key> IndexOf(const Node& node) {
  if (node.kind != Filter::Kind::kCompare || !node.known || node.op != FilterOp::kEq ||
      node.literal.is_null || node.ref.extension != nullptr) {
    return std::nullopt;
  }
  const std::string& name = node.ref.attribute->name;
  const bool of_value = node.ref.sub != nullptr && node.ref.sub->name == "value";
  if (name == "emails" && of_value) return Key::kEmailValue;
  if (name == "members" && of_value) return Key::kMemberId;
  if (name == "groups" && of_value) return Key::kGroupId;
  if (node.ref.sub != nullptr) return std::nullopt;
  if (name == "id") return Key::kId;
  if (name == "userName") return Key::kUserName;
  if (name == "externalId") return Key::kExternalId;
  if (name == "displayName") return Key::kDisplayName;
  return std::nullopt;
}

// The fewer resources share a value, the better the index.
int Rank(Key key) {
  switch (key) {
    case Key::kId:
      return 0;
    case Key::kUserName:
      return 1;
    case Key::kExternalId:
      return 2;
    case Key::kEmailValue:
      return 3;
    case Key::kDisplayName:
      return 4;
    case Key::kMemberId:
      return 5;
    case Key::kGroupId:
      return 6;
  }
  return 7;
}

void CollectEquality(const Filter& filter, const Node& node, std::optional<IndexedEquality>* best) {
  if (node.kind == Filter::Kind::kAnd || node.kind == Filter::Kind::kValuePath) {
    if (node.kind == Filter::Kind::kValuePath && !node.known) return;
    for (const uint32_t i : node.children) CollectEquality(filter, filter.nodes()[i], best);
    return;
  }
  const std::optional<Key> key = IndexOf(node);
  if (!key.has_value()) return;
  if (best->has_value() && Rank((*best)->key) <= Rank(*key)) return;
  *best = IndexedEquality{*key, node.literal.text};
}

bool CollectImplied(const Filter& filter, const Node& node, json* element) {
  if (node.kind == Filter::Kind::kAnd) {
    return std::all_of(node.children.begin(), node.children.end(), [&](uint32_t i) {
      return CollectImplied(filter, filter.nodes()[i], element);
    });
  }
  if (node.kind != Filter::Kind::kCompare || node.op != FilterOp::kEq || !node.known ||
      node.literal.is_null || node.ref.sub == nullptr || node.ref.sub->is_read_only()) {
    return false;
  }
  json& slot = (*element)[node.ref.sub->name];
  if (node.ref.sub->type == AttributeType::kBoolean) {
    slot = node.literal.boolean;
  } else {
    slot = node.literal.text;
  }
  return true;
}

}  // namespace

std::vector<std::string> Filter::ReadNames() const {
  std::vector<std::string> names;
  for (const Node& node : nodes_) {
    if (!node.ref) continue;
    names.push_back(node.ref.top_name());
    if (!IsOf(node, "schemas")) continue;
    for (const Schema& extension : schema_->extensions) names.push_back(extension.urn);
  }
  return names;
}

bool Filter::ReadsReferences() const {
  return std::any_of(nodes_.begin(), nodes_.end(), [](const Node& node) {
    return IsOf(node, "members") || IsOf(node, "groups");
  });
}

bool Filter::NeedsReferenceList() const {
  return std::any_of(nodes_.begin(), nodes_.end(), [this](const Node& node) {
    if (IsOf(node, "groups")) return true;
    if (!IsOf(node, "members")) return false;
    const Node& asked = node.kind == Kind::kValuePath ? nodes_[node.children[0]] : node;
    return !IsMemberEquality(asked);
  });
}

absl::StatusOr<bool> Evaluate(const Filter& filter, const ResourceView& view) {
  Evaluator evaluator(filter, &view);
  const bool matches = evaluator.Test(filter.root(), nullptr);
  if (evaluator.exhausted()) return TooMuchWork();
  return matches;
}

absl::StatusOr<bool> EvaluateOnElement(const Filter& filter, const json& element) {
  Evaluator evaluator(filter, nullptr);
  const bool matches = evaluator.Test(filter.root(), &element);
  if (evaluator.exhausted()) return TooMuchWork();
  return matches;
}

std::optional<IndexedEquality> FindIndexedEquality(const Filter& filter) {
  std::optional<IndexedEquality> best;
  CollectEquality(filter, filter.root(), &best);
  return best;
}

std::optional<json> ImpliedElement(const Filter& filter) {
  json element = json::object();
  if (!CollectImplied(filter, filter.root(), &element)) return std::nullopt;
  return element;
}

}  // namespace purser::scim
