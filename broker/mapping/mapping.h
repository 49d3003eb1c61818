// Mapping: from a resource of the directory to the attributes that one app wants.
//
// Pure: compile once for each version of an app's configuration, map as often as wanted. What each
// row says is in purser/config/v1/config.proto.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/domain/resource.h"
#include "broker/mapping/expression.h"
#include "broker/mapping/source_attribute.h"
#include "nlohmann/json.hpp"
#include "purser/config/v1/config.pb.h"

namespace purser::mapping {

// The app's attributes by target path; the shape of connectors::Attributes.
using MappedValues = std::map<std::string, nlohmann::json>;

// One thing wrong with a mapping: the row's target, the field of the row, and what to do about it.
struct MappingProblem {
  std::string target;
  std::string field;
  std::string message;
};

// A row that has been checked.
struct CompiledRow {
  enum class Source { kAttribute, kConstant, kExpression };

  std::string target;  // in canonical spelling
  Source source = Source::kConstant;
  SourceAttribute attribute;
  nlohmann::json constant;
  std::optional<Expression> expression;
  nlohmann::json default_value;  // null: none
  bool default_on_create = false;
  bool on_create = false;
  uint32_t match = 0;
  bool required = false;
  bool reference = false;
  bool e164 = false;
};

// Immutable once made; may be shared by threads.
struct CompiledMapping {
  // False where the app wants no resources of this type: nothing is mapped then.
  bool enabled = false;
  event::v1::ResourceType type = event::v1::USER;
  std::vector<CompiledRow> rows;
  // A row has `members` as its source: the runtime keeps the group's members, by delta.
  bool maps_members = false;
  std::vector<AppRole> roles;  // those that the app knows
  std::string default_role;
  std::string default_domain;
  absl::TimeZone time_zone = absl::UTCTimeZone();

  const CompiledRow* FindRow(absl::string_view target) const;
};

// `app` is complete (template applied). InvalidArgument lists every problem: an unknown attribute
// or function, a target twice, no matching attribute, a time zone that is not known.
absl::StatusOr<CompiledMapping> CompileMapping(const config::v1::App& app,
                                               event::v1::ResourceType type,
                                               const config::v1::Directory& directory = {});

// The same problems one by one; empty where it compiles.
std::vector<MappingProblem> CheckMapping(const config::v1::App& app, event::v1::ResourceType type,
                                         const config::v1::Directory& directory = {});

// The one spelling of a target path: enterprise:manager -> urn:...:User:manager. A text that is
// no path is given back as it is: an app's attribute may have any name.
std::string CanonicalTarget(absl::string_view target);

// What one mapping is worked out from. Borrowed values outlive the call.
struct MappingInput {
  const Resource* resource = nullptr;
  // Wanted active: active in the directory and in the app's scope.
  bool active = true;
  // The roles of the assignments that bring the user in, by value or display name.
  std::vector<std::string> assigned_roles;
  // The scope alone brings the user in (scope.all): the app's default role counts then.
  bool in_scope_by_all = false;
  const std::vector<GroupName>* groups = nullptr;
  bool creating = false;
  Generate generate;
};

struct MatchingAttribute {
  std::string target;
  nlohmann::json value;
};

struct Reference {
  std::string target;
  std::string resource_id;  // in the directory
};

struct MappedResource {
  // What is wanted. A target of the mapping that is absent here, in `references` and in `keep` is
  // cleared in the app, unless it is required.
  MappedValues values;
  // Targets to leave as they are in the app: rows of on_create while updating, defaults that count
  // on create alone, IgnoreFlowIfNullOrEmpty.
  std::set<std::string> keep;
  // Rows that are sent when the account is created and never after.
  std::set<std::string> on_create;
  // A change may only add to these (AppRoleAssignmentsComplex).
  std::set<std::string> additive;
  // Values that no log or screen may show (Redact).
  std::set<std::string> redacted;
  // Required targets without a value, in the order of the rows: no create until there is one.
  std::vector<std::string> missing_required;
  // In the order of precedence; one without a value is left out.
  std::vector<MatchingAttribute> matching;
  // To be resolved into the app's id by the runtime.
  std::vector<Reference> references;
  // SelectUniqueValue, on create: the values to try in order; `values` holds the first.
  std::map<std::string, std::vector<nlohmann::json>> candidates;
};

// InvalidArgument names the target whose expression could not be evaluated.
absl::StatusOr<MappedResource> MapUser(const CompiledMapping& mapping, const MappingInput& input);
absl::StatusOr<MappedResource> MapGroup(const CompiledMapping& mapping, const MappingInput& input);

// The roles that a user has in the app: those that the directory's `roles` name and those assigned,
// else, where the scope alone brings the user in, the default role.
std::vector<AppRole> RolesOf(const CompiledMapping& mapping, const MappingInput& input);

// "+1 (617) 555-1212" -> "+16175551212". Text without a leading + is given back as it is.
std::string ToE164(absl::string_view phone);

}  // namespace purser::mapping
