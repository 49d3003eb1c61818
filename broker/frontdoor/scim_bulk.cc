#include <memory>
#include <utility>

#include "broker/frontdoor/bulk_run.h"
#include "broker/frontdoor/scim_endpoints.h"

namespace purser {

void ScimEndpoints::Bulk(const ScimRequestPtr& request) const {
  auto bulk = scim::ParseBulk(
      *request->schemas, request->http.body,
      [this] { return options_.ids->NewId(options_.clock->Now()); }, request->clear_values,
      request->limits);
  if (!bulk.ok()) return request->respond(ErrorResponse(bulk.status()));
  request->http.body = {};  // Up to 32 MB, and all of it is in `bulk`.
  const absl::Duration deadline = options_.clock->SinceBoot() + options_.write_deadline;
  std::make_shared<BulkRun>(request, *std::move(bulk), options_.ids, options_.refused, deadline)
      ->Start();
}

}  // namespace purser
