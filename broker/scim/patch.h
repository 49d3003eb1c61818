// PATCH (RFC 7644, section 3.5.2): parsed and checked off the deciding thread, applied on it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/scim/clear_values.h"
#include "broker/scim/filter.h"
#include "broker/scim/json_text.h"
#include "broker/scim/schema.h"
#include "nlohmann/json.hpp"
#include "purser/event/v1/directory.pb.h"

namespace purser::scim {

// Operations of one request: all, and those that change attributes (members are cheap).
inline constexpr size_t kMaxPatchOperations = 20'000;
inline constexpr size_t kMaxAttributeOperations = 1'000;
// Elements that the value paths of one request may look at, each counted once a term.
inline constexpr size_t kMaxPatchWork = 1'000'000;

enum class PatchKind { kAdd, kReplace, kRemove };

// One change to one attribute; a path-less operation has become one of these for each name.
struct AttributeOperation {
  PatchKind kind = PatchKind::kAdd;
  AttributeRef target;  // attribute nullptr: the whole extension (kRemove)
  std::optional<Filter> filter;
  nlohmann::json value;  // canonical; null unassigns, and in kRemove means "whatever it is"
  // A matched element takes these sub-attributes and keeps its others.
  bool merge_element = false;
};

// Members are rows, so what is asked of them is kept apart and resolved against the rows.
struct MemberOperation {
  enum class Kind { kAdd, kRemove, kRemoveAll, kReplaceAll, kRemoveMatching };
  Kind kind = Kind::kAdd;
  std::vector<std::string> ids;  // kAdd, kRemove, kReplaceAll
  std::optional<Filter> filter;  // kRemoveMatching
};

struct PatchRequest {
  const ResourceSchema* schema = nullptr;  // that it was parsed with; outlives it
  std::vector<AttributeOperation> attributes;
  std::vector<MemberOperation> members;
  // Ids that the operations give the resource: each must be its own.
  std::vector<std::string> ids;
};

// Everything that does not depend on the resource: syntax, paths, types, mutability. In
// particular: invalidSyntax, invalidPath, invalidFilter, invalidValue, mutability, noTarget (remove
// without a path). What is one of `clear` unassigns.
absl::StatusOr<PatchRequest> ParsePatch(const ResourceSchema& schema, absl::string_view body,
                                        const JsonLimits& limits = {},
                                        const ClearValues& clear = {});
// The same of a body that is JSON already.
absl::StatusOr<PatchRequest> ReadPatch(const ResourceSchema& schema, nlohmann::json body,
                                       const ClearValues& clear = {});

// The attributes returned on request that it names: for Projection::Request().
std::vector<AttributeRef> RequestedBy(const PatchRequest& request);

// Applies the attribute operations in order; on an error `attributes` is of no use any more.
// noTarget: a value path matches nothing. mutability: a required attribute is removed, or an
// immutable one changed.
// invalidValue: two primary values. tooMany: more work than kMaxPatchWork.
absl::Status ApplyPatch(const PatchRequest& request, absl::string_view resource_id,
                        nlohmann::json* attributes);

// What differs, one entry for each top-level attribute of the core or of an extension; empty: no
// net change.
std::vector<event::v1::AttributeChange> DiffAttributes(const nlohmann::json& before,
                                                       const nlohmann::json& after);

// The reverse, for whoever folds: applies a change to `attributes`. DataLoss where its value is no
// JSON.
absl::Status ApplyChange(const event::v1::AttributeChange& change, nlohmann::json* attributes);

}  // namespace purser::scim
