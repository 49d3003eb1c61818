// Filters (RFC 7644, section 3.4.2.2): parsed once, then asked of many resources.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "broker/domain/resource.h"
#include "broker/scim/schema.h"
#include "nlohmann/json.hpp"

namespace purser::scim {

inline constexpr size_t kMaxFilterBytes = 8192;
inline constexpr size_t kMaxFilterNodes = 256;
inline constexpr int kMaxFilterDepth = 32;
// Comparisons that one filter may cost one resource.
inline constexpr int kMaxFilterWork = 100'000;

enum class FilterOp { kEq, kNe, kCo, kSw, kEw, kGt, kGe, kLt, kLe };

// The right-hand side, in every form that a comparison may need.
struct FilterLiteral {
  bool is_null = false;
  std::string text;
  std::string key;  // CaselessKey(text), where the attribute is not caseExact
  bool boolean = false;
  double number = 0;
  absl::Time time;
};

// Value type; immutable once parsed. Refers to the schema it was parsed with, which outlives it.
class Filter {
 public:
  enum class Kind { kAnd, kOr, kNot, kCompare, kPresent, kValuePath };

  struct Node {
    Kind kind = Kind::kPresent;
    FilterOp op = FilterOp::kEq;
    // False: the attribute is unknown here, and so has no value.
    bool known = false;
    // Within a value path: `attribute` is the multi-valued one, `sub` the one compared.
    AttributeRef ref;
    FilterLiteral literal;
    std::vector<uint32_t> children;  // places in nodes()
  };

  const std::vector<Node>& nodes() const { return nodes_; }
  const Node& root() const { return nodes_[root_]; }
  // nullptr: it is a value filter.
  const ResourceSchema* schema() const { return schema_; }

  // The names at the top of a resource's attributes that it reads: "userName", an extension's URN.
  std::vector<std::string> ReadNames() const;
  // True where it reads the members of a group, or the groups of a user.
  bool ReadsReferences() const;
  // True where ResourceView::has_member is not enough to answer it.
  bool NeedsReferenceList() const;

 private:
  friend class FilterParser;
  const ResourceSchema* schema_ = nullptr;
  std::vector<Node> nodes_;
  uint32_t root_ = 0;
};

// A filter on resources of that type. 400 invalidFilter where it is malformed, too long, too deep,
// compares what has no order, or reads the password.
absl::StatusOr<Filter> ParseFilter(const ResourceSchema& schema, absl::string_view text);

// What stands in the brackets of emails[...]: names are sub-attributes of `ref.attribute`.
absl::StatusOr<Filter> ParseValueFilter(const AttributeRef& ref, absl::string_view text);

// A group that a user is in, or a member of a group.
struct Reference {
  std::string id;
  event::v1::ResourceType type = event::v1::USER;
  std::string display = {};
  bool direct = true;  // of a user's group: false where it is through another group
};

// A resource with what lies outside its attributes. All pointers outlive the view; nullptr: none,
// or not asked for.
struct ResourceView {
  const Resource* resource = nullptr;
  const std::vector<Reference>* groups = nullptr;   // of a user
  const std::vector<Reference>* members = nullptr;  // of a group
  // Answers `members.value eq` where the members are not loaded.
  std::function<bool(absl::string_view id)> has_member = nullptr;
};

// 400 tooMany where it costs more than kMaxFilterWork.
absl::StatusOr<bool> Evaluate(const Filter& filter, const ResourceView& view);

// A value filter asked of one element of its attribute.
absl::StatusOr<bool> EvaluateOnElement(const Filter& filter, const nlohmann::json& element);

// An equality that every match must meet, and that the read model has an index for.
struct IndexedEquality {
  enum class Key { kId, kUserName, kExternalId, kDisplayName, kEmailValue, kMemberId, kGroupId };
  Key key;
  std::string value;  // as the client wrote it
};

// The most selective one of a filter that is one, or an `and` holding one; what it finds must still
// pass Evaluate().
std::optional<IndexedEquality> FindIndexedEquality(const Filter& filter);

// The sub-attributes that an element made to match must have: {"type": "work"} of
// `type eq "work" and primary pr`. Nothing where another shape than eq, joined by and, is in it.
std::optional<nlohmann::json> ImpliedElement(const Filter& filter);

}  // namespace purser::scim
