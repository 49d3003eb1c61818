// What is sent to a SCIM app, and what is read back: JSON to and from targets. Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/api/connector.h"
#include "connectors/scim/target_path.h"
#include "nlohmann/json.hpp"
#include "purser/config/v1/config.pb.h"

namespace purser::connectors::scim {

// The targets of one resource type, parsed once. Immutable: thread-safe.
class Targets {
 public:
  // InvalidArgument, naming the target, where one is no SCIM path.
  static absl::StatusOr<Targets> Of(const config::v1::ResourceMapping& mapping);

  // That target, mapped or not.
  absl::StatusOr<TargetPath> Find(absl::string_view text) const;
  const std::vector<TargetPath>& paths() const { return paths_; }

 private:
  std::vector<TargetPath> paths_;
};

// The body of a POST: `wanted` in SCIM's nesting, with the schemas it uses.
absl::StatusOr<nlohmann::json> CreateBody(ResourceType type, const Targets& targets,
                                          const Attributes& wanted,
                                          const config::v1::Dialect& dialect);

// One operation for each changed attribute (RFC 7644, section 3.5.2). A value path is sent as
// `add`, which sets what is there and makes what is not; `replace` of an absent element is an
// error.
absl::StatusOr<nlohmann::json> PatchBody(const Targets& targets, const Changes& changes,
                                         const config::v1::Dialect& dialect);

// Members by delta. Removal names each member, whatever the dialect: never the whole list.
nlohmann::json MembersPatchBody(const MemberChanges& changes, const config::v1::Dialect& dialect);

// A PUT: the resource as it was read, with what is mapped laid over it.
absl::StatusOr<nlohmann::json> PutBody(ResourceType type, const Targets& targets,
                                       nlohmann::json current, const Changes& changes,
                                       const config::v1::Dialect& dialect);
nlohmann::json MembersPutBody(nlohmann::json current, const MemberChanges& changes);

// A filter that asks for one value: userName eq "ada", emails[type eq "work" and value eq "x"].
std::string FilterFor(const TargetPath& path, absl::string_view value);

// A resource as the app shows it; id empty where it has none.
RemoteResource ParseResource(const Targets& targets, const nlohmann::json& body);

}  // namespace purser::connectors::scim
