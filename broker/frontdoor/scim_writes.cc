#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "broker/base/status.h"
#include "broker/commands/resource_commands.h"
#include "broker/events/sealing.h"
#include "broker/frontdoor/scim_endpoints.h"
#include "broker/frontdoor/scim_references.h"
#include "broker/scim/patch.h"
#include "broker/scim/render.h"
#include "broker/scim/request.h"
#include "broker/scim/resource_input.h"

namespace purser {
namespace {

// A PATCH of a larger group is answered 204 with its ETag: the answer's cost follows the change.
constexpr uint64_t kMembersInAnswer = 1000;

using Decide = std::function<absl::StatusOr<Decision>(const DirectoryState&, absl::Time)>;

scim::Preconditions PreconditionsOf(const ScimRequest& request) {
  return {scim::EntityTags::Parse(request.http.Header("If-Match")),
          scim::EntityTags::Parse(request.http.Header("If-None-Match"))};
}

event::v1::Envelope EventOf(const ScimRequest& request, const Decision& decision, IdSource* ids,
                            absl::Time at) {
  event::v1::Envelope envelope = EnvelopeOf(request);
  envelope.set_event_id(ids->NewId(at));
  envelope.set_kind(decision.kind);
  envelope.set_resource_type(decision.type);
  envelope.set_resource_id(decision.id);
  SealedPayload sealed = Seal(decision.id, decision.payload);
  envelope.set_key_id(std::move(sealed.key_id));
  envelope.set_payload(std::move(sealed.bytes));
  return envelope;
}

// The answer to a write that stands, or that changed nothing.
absl::StatusOr<http::Response> Answer(const ScimRequest& request, const Decision& decision,
                                      const scim::Projection& projection) {
  const Resource& resource = decision.after;
  if (request.http.method == "DELETE") return http::Response{.status = 204};
  const DirectoryReader& reader = request.directory->state();
  if (request.http.method == "PATCH" && resource.type == event::v1::GROUP &&
      projection.is_default()) {
    ASSIGN_OR_RETURN(const uint64_t members, reader.MemberCount(resource.id));
    if (members > kMembersInAnswer) return ScimResponse(204, "", resource.version);
  }
  ASSIGN_OR_RETURN(std::string body, RenderWithReferences(request, resource, reader, projection));
  const bool created = request.http.method == "POST";
  http::Response response = ScimResponse(created ? 201 : 200, std::move(body), resource.version);
  if (created) {
    response.headers.emplace_back("Location",
                                  scim::LocationOf(request.base_url, resource.type, resource.id));
  }
  return response;
}

// Submits a decision to the directory's writer and answers with what came of it.
void Write(const ScimRequestPtr& request, const ScimEndpoints::Options& options, Decide decide) {
  auto projection = scim::ParseProjection(*request->schema, request->http.query);
  if (!projection.ok()) {
    request->respond(ErrorResponse(projection.status()));
    return;
  }
  auto decision = std::make_shared<Decision>();
  WriteRequest write;
  write.deadline = options.clock->SinceBoot() + options.write_deadline;
  write.decide = [request, decision, decide = std::move(decide), ids = options.ids](
                     absl::Time at,
                     StreamPosition next) -> absl::StatusOr<std::vector<event::v1::Envelope>> {
    ASSIGN_OR_RETURN(*decision, decide(request->directory->state(), at));
    std::vector<event::v1::Envelope> events;
    if (!decision->changed) return events;
    decision->after.version = next;
    decision->after.last_modified = at;
    if (decision->kind == event::v1::RESOURCE_CREATED) decision->after.created = at;
    events.push_back(EventOf(*request, *decision, ids, at));
    return events;
  };
  write.done = [request, decision,
                projection = *std::move(projection)](const absl::StatusOr<WriteReceipt>& receipt) {
    auto response = receipt.ok() ? Answer(*request, *decision, projection) : receipt.status();
    request->respond(response.ok() ? *std::move(response) : ErrorResponse(response.status()));
  };
  request->directory->writer().Submit(std::move(write));
}

}  // namespace

void ScimEndpoints::Post(const ScimRequestPtr& request) const {
  auto input = scim::ParseResource(*request->schema, request->http.body);
  if (!input.ok()) {
    request->respond(ErrorResponse(input.status()));
    return;
  }
  const std::string id = options_.ids->NewId(options_.clock->Now());
  auto shared = std::make_shared<const scim::ResourceInput>(*std::move(input));
  Write(request, options_, [shared, id](const DirectoryState& state, absl::Time at) {
    return DecideCreate(state, *shared, id, at);
  });
}

void ScimEndpoints::Put(const ScimRequestPtr& request) const {
  auto input = scim::ParseResource(*request->schema, request->http.body);
  if (!input.ok()) {
    request->respond(ErrorResponse(input.status()));
    return;
  }
  auto shared = std::make_shared<const scim::ResourceInput>(*std::move(input));
  Write(request, options_,
        [shared, request, conditions = PreconditionsOf(*request)](const DirectoryState& state,
                                                                  absl::Time at) {
          return DecideReplace(state, *shared, request->resource_id(), conditions, at);
        });
}

void ScimEndpoints::Patch(const ScimRequestPtr& request) const {
  auto patch = scim::ParsePatch(*request->schema, request->http.body);
  if (!patch.ok()) {
    request->respond(ErrorResponse(patch.status()));
    return;
  }
  auto shared = std::make_shared<const scim::PatchRequest>(*std::move(patch));
  Write(request, options_,
        [shared, request, conditions = PreconditionsOf(*request)](const DirectoryState& state,
                                                                  absl::Time at) {
          return DecidePatch(state, *shared, request->resource_id(), conditions, at);
        });
}

void ScimEndpoints::Delete(const ScimRequestPtr& request) const {
  Write(request, options_,
        [request, conditions = PreconditionsOf(*request)](const DirectoryState& state,
                                                          absl::Time at) {
          return DecideDelete(state, request->schema->type, request->resource_id(), conditions, at);
        });
}

}  // namespace purser
