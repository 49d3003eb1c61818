#include <algorithm>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "broker/base/status.h"
#include "broker/frontdoor/async_request.h"
#include "broker/frontdoor/scim_endpoints.h"
#include "broker/frontdoor/scim_references.h"
#include "broker/scim/error.h"
#include "broker/scim/render.h"
#include "broker/scim/request.h"

namespace purser {
namespace {

bool EventuallyConsistent(const ScimRequest& request) {
  const std::string* consistency = request.http.Query("consistency");
  return consistency != nullptr && *consistency == "eventual";
}

http::Response AnswerRead(
    const ScimRequest& request, bool tell_age, absl::Duration behind, absl::Time now,
    const std::function<absl::StatusOr<http::Response>(DirectoryReaders::Lease&)>& read) {
  auto lease = request.directory->readers().Take();
  const auto head = lease.ok() ? (*lease)->FoldHead() : lease.status();
  auto response = lease.ok() ? read(*lease) : lease.status();
  http::Response sent = response.ok() ? *std::move(response) : ErrorResponse(response.status());
  if (tell_age && head.ok()) TellAge(behind, *head, now, &sent);
  return sent;
}

}  // namespace

void ScimEndpoints::Read(const ScimRequestPtr& request, ReadCost cost, ReadFn read) const {
  const bool eventual = EventuallyConsistent(*request);
  const auto caller = std::this_thread::get_id();
  auto answer = [this, request, cost, read = std::move(read), eventual,
                 caller](const absl::Status& current) {
    DirectoryService* directory = request->directory;
    const bool broken = !directory->writer().health().ok();
    if (!current.ok() && !broken) {
      request->respond(ErrorResponse(absl::UnavailableError(current.message())));
      return;
    }
    auto work = [request, read, tell_age = eventual || broken, clock = options_.clock] {
      request->respond(
          AnswerRead(*request, tell_age, request->directory->SinceCurrent(), clock->Now(), read));
    };
    const bool here = cost == ReadCost::kShort && std::this_thread::get_id() == caller;
    if (here || !options_.run_read) return work();
    if (options_.run_read(cost, std::move(work))) return;
    request->respond(ErrorResponse(absl::UnavailableError("too many reads wait")));
  };
  if (eventual) {
    answer(absl::OkStatus());
  } else {
    request->directory->WhenCurrent(options_.read_deadline, std::move(answer));
  }
}

void ScimEndpoints::Get(const ScimRequestPtr& request) const {
  auto projection = scim::ParseProjection(*request->schema, request->http.query);
  if (!projection.ok()) {
    request->respond(ErrorResponse(projection.status()));
    return;
  }
  const bool members =
      request->schema->type == event::v1::GROUP && projection->IncludesReferences(*request->schema);
  Read(request, members ? ReadCost::kLong : ReadCost::kShort,
       [request, projection = *std::move(projection)](
           const DirectoryReaders::Lease& lease) -> absl::StatusOr<http::Response> {
         const DirectoryReader& reader = *lease;
         ASSIGN_OR_RETURN(const std::optional<StoredResource> found,
                          reader.FindStored(request->schema->type, request->resource_id()));
         if (!found) return ErrorResponse(404, "no such resource");
         const auto tags = scim::EntityTags::Parse(request->http.Header("If-None-Match"));
         if (!tags.absent() && tags.Matches(found->resource.version)) {
           return ScimResponse(304, "", found->resource.version);
         }
         ASSIGN_OR_RETURN(std::string body,
                          RenderWithReferences(*request, found->resource, found->attributes, reader,
                                               projection));
         return ScimResponse(200, std::move(body), found->resource.version);
       });
}

// Whoever was told its transaction may ask at once: it was told once it was done.
void ScimEndpoints::GetTransaction(const ScimRequestPtr& request) const {
  const std::string& method = request->http.method;
  if (method != "GET" && method != "HEAD") return request->respond(MethodNotAllowed("GET"));
  Read(request, ReadCost::kShort,
       [request](const DirectoryReaders::Lease& lease) -> absl::StatusOr<http::Response> {
         const DirectoryService& directory = *request->directory;
         ASSIGN_OR_RETURN(const std::vector<StreamPosition> positions,
                          lease->Completions(request->resource_id()));
         if (positions.empty()) return ErrorResponse(404, "no such transaction");
         ASSIGN_OR_RETURN(const std::vector<scim::BulkAnswer> answers,
                          ReadCompletions(directory.log(), directory.stream(), positions));
         return ScimResponse(200, scim::RenderBulkResponse(answers, request->base_url));
       });
}

}  // namespace purser
