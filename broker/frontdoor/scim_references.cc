#include "broker/frontdoor/scim_references.h"

#include "broker/base/status.h"
#include "broker/scim/render.h"

namespace purser {

absl::StatusOr<std::vector<scim::Reference>> GroupReferences(const DirectoryReader& reader,
                                                             absl::string_view user_id) {
  ASSIGN_OR_RETURN(const std::vector<GroupRow> rows, reader.GroupsOf(user_id));
  std::vector<scim::Reference> references;
  references.reserve(rows.size());
  for (const GroupRow& row : rows) {
    references.push_back({row.id, event::v1::GROUP, row.display_name, row.direct});
  }
  return references;
}

absl::StatusOr<std::vector<scim::Reference>> MemberReferences(const DirectoryReader& reader,
                                                              absl::string_view group_id) {
  std::vector<scim::Reference> references;
  RETURN_IF_ERROR(
      reader.ForEachMember(group_id, [&](const std::string& id, event::v1::ResourceType type) {
        references.push_back({id, type});
        return true;
      }));
  return references;
}

absl::StatusOr<std::string> RenderWithReferences(const ScimRequest& request,
                                                 const Resource& resource,
                                                 absl::string_view attributes,
                                                 const DirectoryReader& reader,
                                                 const scim::Projection& projection) {
  const scim::ResourceSchema& schema = request.schemas->Of(resource.type);
  scim::ResourceView view;
  view.resource = &resource;
  std::vector<scim::Reference> references;
  if (projection.IncludesReferences(schema)) {
    if (resource.type == event::v1::USER) {
      ASSIGN_OR_RETURN(references, GroupReferences(reader, resource.id));
      view.groups = &references;
    } else {
      ASSIGN_OR_RETURN(references, MemberReferences(reader, resource.id));
      view.members = &references;
    }
  }
  return scim::RenderResource(schema, view, attributes, request.base_url, projection);
}

}  // namespace purser
