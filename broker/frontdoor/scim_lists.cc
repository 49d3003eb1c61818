#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/frontdoor/list_order.h"
#include "broker/frontdoor/list_series.h"
#include "broker/frontdoor/scim_endpoints.h"
#include "broker/frontdoor/scim_references.h"
#include "broker/scim/error.h"
#include "broker/scim/render.h"
#include "broker/scim/request.h"

namespace purser {
namespace {

using Queries = std::vector<TypeQuery>;
using QueriesPtr = std::shared_ptr<const Queries>;

absl::StatusOr<Queries> ParseQueries(const ScimRequest& request, bool search) {
  // Without a type in its path it is of both.
  std::vector<const scim::ResourceSchema*> schemas = {request.schema};
  if (request.schema == nullptr) schemas = {&request.schemas->user, &request.schemas->group};
  const uint64_t max_results = request.limits.results;
  Queries asked;
  for (const scim::ResourceSchema* schema : schemas) {
    auto query = search ? scim::ParseSearchRequest(*schema, request.http.body, max_results)
                        : scim::ParseListQuery(*schema, request.http.query, max_results);
    RETURN_IF_ERROR(query.status());
    asked.push_back({schema, *std::move(query)});
  }
  return asked;
}

bool IsSmall(const Queries& asked) {
  constexpr uint64_t kSmall = 100;
  return asked.front().query.count <= kSmall;
}

bool ShowsMembers(const Queries& asked) {
  return std::any_of(asked.begin(), asked.end(), [](const TypeQuery& one) {
    return one.schema->type == event::v1::GROUP && one.query.count > 0 &&
           one.query.projection.IncludesReferences(*one.schema);
  });
}

// What it may cost: short are a small near page of an order that an index has, and what an index
// finds.
ReadCost CostOf(const Queries& asked) {
  constexpr uint64_t kNear = 10'000;
  const scim::ListQuery& page = asked.front().query;
  const bool few = page.filter || (page.start_index <= kNear && IsSmall(asked));
  return HasIndexedOrder(asked) && few && !ShowsMembers(asked) ? ReadCost::kShort : ReadCost::kLong;
}

absl::StatusOr<std::vector<std::string>> RenderRows(const ScimRequest& request,
                                                    const Queries& asked,
                                                    const std::vector<ResourceRow>& rows,
                                                    const DirectoryReader& reader) {
  std::vector<std::string> texts;
  for (const ResourceRow row : rows) {
    ASSIGN_OR_RETURN(const StoredResource stored, reader.StoredAt(row));
    const auto of_type = std::find_if(asked.begin(), asked.end(), [&](const TypeQuery& one) {
      return one.schema->type == stored.resource.type;
    });
    ASSIGN_OR_RETURN(std::string text,
                     RenderWithReferences(request, stored.resource, stored.attributes, reader,
                                          of_type->query.projection));
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

// Whose cursor it is, and of which list.
std::string BindingOf(const ScimRequest& request, const Queries& asked) {
  const std::string type = request.schema == nullptr ? "" : request.schema->name;
  return absl::StrCat(request.directory->id(), "\n", request.principal.token_id, "\n", type, "\n",
                      asked.front().query.identity);
}

// The first page of a series, which begins where there is more than that.
absl::StatusOr<http::Response> FirstPage(const ScimRequest& request, const Queries& asked,
                                         absl::Duration now, DirectoryReaders::Lease& lease) {
  constexpr uint64_t kAll = std::numeric_limits<uint64_t>::max();
  const uint64_t count = asked.front().query.count;
  ASSIGN_OR_RETURN(ListOrder order, ListOrder::Of(asked, count == 0 ? 0 : kAll, *lease));
  ASSIGN_OR_RETURN(const ListOrder::Stretch stretch, order.After(0, count, *lease));
  ASSIGN_OR_RETURN(const std::vector<std::string> resources,
                   RenderRows(request, asked, stretch.rows, *lease));
  const uint64_t total = order.total();
  if (stretch.behind == 0) return ScimResponse(200, scim::RenderCursorPage(total, "", resources));
  ASSIGN_OR_RETURN(const Head head, lease->FoldHead());
  auto series = std::make_shared<ListSeries>(std::move(lease), std::move(order), count);
  series->head = head;
  series->current_at = now - request.directory->SinceCurrent();
  OpenSeries& open = request.directory->series();
  const std::string id = open.Add(std::move(series));
  const std::string next = open.CursorFor(id, stretch.behind, BindingOf(request, asked));
  return ScimResponse(200, scim::RenderCursorPage(total, next, resources));
}

absl::StatusOr<http::Response> LaterPage(const ScimRequest& request, const Queries& asked,
                                         const OpenSeries::Place& found) {
  ListSeries& series = *found.series;
  OpenSeries& open = request.directory->series();
  MutexLock lock(&series.reading);
  ASSIGN_OR_RETURN(const ListOrder::Stretch stretch,
                   series.order.After(found.place, series.count, *series.lease));
  ASSIGN_OR_RETURN(const std::vector<std::string> resources,
                   RenderRows(request, asked, stretch.rows, *series.lease));
  std::string next;
  if (stretch.behind == 0) {
    open.Ended(found.id);
  } else {
    next = open.CursorFor(found.id, stretch.behind, BindingOf(request, asked));
  }
  return ScimResponse(200, scim::RenderCursorPage(series.order.total(), next, resources));
}

absl::StatusOr<OpenSeries::Place> FindPage(const ScimRequest& request, const Queries& asked) {
  DirectoryService& directory = *request.directory;
  directory.series().Expire(directory.writer().folded());
  const scim::ListQuery& page = asked.front().query;
  ASSIGN_OR_RETURN(OpenSeries::Place found,
                   directory.series().Find(*page.cursor, BindingOf(request, asked)));
  if (page.count == found.series->count) return found;
  return scim::BadRequest(scim::ErrorType::kInvalidCount,
                          "\"count\" must be the same for all pages of a series");
}

}  // namespace

void ScimEndpoints::List(const ScimRequestPtr& request, bool search) const {
  auto parsed = ParseQueries(*request, search);
  if (!parsed.ok()) {
    request->respond(ErrorResponse(parsed.status()));
    return;
  }
  auto asked = std::make_shared<const Queries>(*std::move(parsed));
  const std::optional<std::string>& cursor = asked->front().query.cursor;
  if (cursor && !cursor->empty()) return NextPage(request, std::move(asked));
  Read(request, CostOf(*asked),
       [request, asked, clock = options_.clock](DirectoryReaders::Lease& lease) {
         if (!asked->front().query.cursor) return IndexedPage(*request, *asked, *lease);
         return FirstPage(*request, *asked, clock->SinceBoot(), lease);
       });
}

// What it shows is settled, so nothing waits for the log.
void ScimEndpoints::NextPage(const ScimRequestPtr& request, QueriesPtr asked) const {
  auto found = FindPage(*request, *asked);
  if (!found.ok()) {
    request->respond(ErrorResponse(found.status()));
    return;
  }
  auto work = [request, asked, found = *std::move(found), clock = options_.clock] {
    auto page = LaterPage(*request, *asked, found);
    http::Response response = page.ok() ? *std::move(page) : ErrorResponse(page.status());
    TellAge(clock->SinceBoot() - found.series->current_at, found.series->head, clock->Now(),
            &response);
    request->respond(std::move(response));
  };
  if ((IsSmall(*asked) && !ShowsMembers(*asked)) || !options_.run_read) return work();
  if (options_.run_read(ReadCost::kLong, std::move(work))) return;
  request->respond(ErrorResponse(absl::UnavailableError("too many reads wait")));
}

}  // namespace purser
