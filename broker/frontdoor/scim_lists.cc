#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "broker/base/status.h"
#include "broker/frontdoor/list_order.h"
#include "broker/frontdoor/scim_endpoints.h"
#include "broker/frontdoor/scim_references.h"
#include "broker/scim/render.h"
#include "broker/scim/request.h"

namespace purser {
namespace {

using Queries = std::vector<TypeQuery>;

absl::StatusOr<Queries> ParseQueries(const ScimRequest& request, bool search) {
  // Without a type in its path it is of both.
  std::vector<const scim::ResourceSchema*> schemas = {request.schema};
  if (request.schema == nullptr) schemas = {&scim::UserSchema(), &scim::GroupSchema()};
  Queries asked;
  for (const scim::ResourceSchema* schema : schemas) {
    auto query = search ? scim::ParseSearchRequest(*schema, request.http.body)
                        : scim::ParseListQuery(*schema, request.http.query);
    RETURN_IF_ERROR(query.status());
    asked.push_back({schema, *std::move(query)});
  }
  return asked;
}

// What it may cost: short are a near page of an order that an index has, and what an index finds.
ReadCost CostOf(const Queries& asked) {
  constexpr uint64_t kNear = 10'000;
  const scim::ListQuery& page = asked.front().query;
  const bool near = page.filter || (page.start_index <= kNear && page.count <= 100);
  const bool members = std::any_of(asked.begin(), asked.end(), [](const TypeQuery& one) {
    return one.schema->type == event::v1::GROUP && one.query.count > 0 &&
           one.query.projection.IncludesReferences(*one.schema);
  });
  return HasIndexedOrder(asked) && near && !members ? ReadCost::kShort : ReadCost::kLong;
}

absl::StatusOr<std::vector<std::string>> RenderRows(const ScimRequest& request,
                                                    const Queries& asked,
                                                    const std::vector<ResourceRow>& rows,
                                                    const DirectoryReader& reader) {
  std::vector<std::string> texts;
  for (const ResourceRow row : rows) {
    ASSIGN_OR_RETURN(const Resource resource, reader.ResourceAt(row));
    const auto of_type = std::find_if(asked.begin(), asked.end(), [&](const TypeQuery& one) {
      return one.schema->type == resource.type;
    });
    ASSIGN_OR_RETURN(std::string text,
                     RenderWithReferences(request, resource, reader, of_type->query.projection));
    texts.push_back(std::move(text));
  }
  return texts;
}

absl::StatusOr<http::Response> IndexedPage(const ScimRequest& request, const Queries& asked,
                                           const DirectoryReader& reader) {
  const scim::ListQuery& page = asked.front().query;
  const uint64_t skip = page.start_index - 1;
  const uint64_t keep = page.count == 0 ? 0 : skip + page.count;
  ASSIGN_OR_RETURN(const ListOrder order, ListOrder::Of(asked, keep, reader));
  ListOrder::Stretch stretch;
  if (page.count > 0 && skip < order.total()) {
    ASSIGN_OR_RETURN(const ListOrder::Place place, order.Skip(skip, reader));
    ASSIGN_OR_RETURN(stretch, order.After(place, page.count, reader));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> resources,
                   RenderRows(request, asked, stretch.rows, reader));
  return ScimResponse(200, scim::RenderList(order.total(), page.start_index, resources));
}

}  // namespace

void ScimEndpoints::List(const ScimRequestPtr& request, bool search) const {
  auto parsed = ParseQueries(*request, search);
  if (!parsed.ok()) {
    request->respond(ErrorResponse(parsed.status()));
    return;
  }
  auto asked = std::make_shared<const Queries>(*std::move(parsed));
  Read(request, CostOf(*asked), [request, asked](const DirectoryReader& reader) {
    return IndexedPage(*request, *asked, reader);
  });
}

}  // namespace purser
