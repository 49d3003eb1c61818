// The directory's attributes by the names that mappings use: SCIM's own paths, the incumbent's
// names (facts: userPrincipalName, mail, ...), and the directory's configured aliases and schemas.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/domain/resource.h"
#include "broker/mapping/attribute_path.h"
#include "purser/config/v1/config.pb.h"

namespace purser::mapping {

using Aliases = std::map<std::string, std::string>;

// What a directory adds to the names that mappings know.
struct DirectoryNames {
  Aliases aliases;
  std::vector<config::v1::Schema> schemas;
};
DirectoryNames NamesOf(const config::v1::Directory& directory);

// A role as the app names it.
struct AppRole {
  std::string value;
  std::string display;

  bool operator==(const AppRole&) const = default;
};

// A group that a user is in, directly or not.
struct GroupName {
  std::string id;
  std::string display_name;
};

// An attribute that is known to exist: an attribute of the resource, or one that stands for what
// the broker knows of it.
struct SourceAttribute {
  enum class Kind {
    kStored,       // at `path`
    kActive,       // active, accountEnabled
    kSoftDeleted,  // IsSoftDeleted
    kAppRoles,     // appRoleAssignments
    kGroups,       // groups, groups.display
    kMembers,      // a group's members: rows of their own, never a value here
    kId,
    kCreated,
    kLastModified,
  };
  Kind kind = Kind::kStored;
  AttributePath path;
};

// What a source attribute is read from. Borrowed: all outlive the reading.
struct SourceView {
  const Resource* resource = nullptr;
  bool active = true;
  const std::vector<AppRole>* roles = nullptr;
  const std::vector<GroupName>* groups = nullptr;
};

// InvalidArgument names the attribute that is not known and the nearest one that is.
absl::StatusOr<SourceAttribute> ResolveSourceAttribute(absl::string_view name,
                                                       event::v1::ResourceType type,
                                                       const DirectoryNames& names);

// The attribute's value; null where it has none.
nlohmann::json ReadSource(const SourceAttribute& attribute, const SourceView& view);

// As ReadSource(), but displayName, name.formatted and addresses[..].formatted are composed from
// their parts where the directory holds none.
nlohmann::json ReadSourceComposed(const SourceAttribute& attribute, const SourceView& view);

}  // namespace purser::mapping
