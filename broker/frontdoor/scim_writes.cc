#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "broker/base/status.h"
#include "broker/commands/resource_commands.h"
#include "broker/frontdoor/bulk_run.h"
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

// Nobody had a new user's id, so no group holds it: the read model need not be asked.
bool IsNewUser(const ScimRequest& request) {
  return request.http.method == "POST" && request.schema->type == event::v1::USER;
}

// The answer to a write that stands, or that changed nothing.
absl::StatusOr<http::Response> Answer(const ScimRequest& request, const Decision& decision,
                                      const scim::Projection& projection) {
  const Resource& resource = decision.after;
  const bool created = request.http.method == "POST";
  std::string made;
  if (decision.after_text.empty()) scim::AppendJson(resource.attributes, &made);
  const std::string& text = made.empty() ? decision.after_text : made;
  std::string body;
  if (IsNewUser(request)) {
    scim::ResourceView view;
    view.resource = &resource;
    ASSIGN_OR_RETURN(
        body, scim::RenderResource(*request.schema, view, text, request.base_url, projection));
  } else {
    ASSIGN_OR_RETURN(const auto reader, request.directory->readers().Take());
    if (request.http.method == "PATCH" && resource.type == event::v1::GROUP &&
        projection.is_default()) {
      ASSIGN_OR_RETURN(const uint64_t members, reader->MemberCount(resource.id));
      if (members > kMembersInAnswer) return ScimResponse(204, "", resource.version);
    }
    ASSIGN_OR_RETURN(body, RenderWithReferences(request, resource, text, *reader, projection));
  }
  http::Response response = ScimResponse(created ? 201 : 200, std::move(body), resource.version);
  if (created) {
    response.headers.emplace_back("Location",
                                  scim::LocationOf(request.base_url, resource.type, resource.id));
  }
  return response;
}

// Decides on the directory's thread; what is left to be rendered is left to the server's.
struct PendingWrite {
  ScimRequestPtr request;
  scim::Projection projection;
  Decide decide;
  Decision decision;
};

absl::StatusOr<std::vector<event::v1::Envelope>> DecideWrite(PendingWrite* write, IdSource* ids,
                                                             absl::Time at) {
  Decision& decision = write->decision;
  ASSIGN_OR_RETURN(decision, write->decide(write->request->directory->state(), at));
  return EventsOf(*write->request, ids, at, &decision);
}

void AnswerWrite(const std::shared_ptr<PendingWrite>& write,
                 const absl::StatusOr<WriteReceipt>& receipt) {
  const ScimRequest& request = *write->request;
  if (!receipt.ok()) return request.respond(ErrorResponse(receipt.status()));
  if (write->decision.changed) write->decision.after.version = receipt->last;
  http::Response response{.status = 204};
  if (request.http.method != "DELETE") {
    response.render = [write] {
      auto answer = Answer(*write->request, write->decision, write->projection);
      return answer.ok() ? *std::move(answer) : ErrorResponse(answer.status());
    };
  }
  request.respond(std::move(response));
}

// Submits a decision to the directory's writer and answers with what came of it. `given`: what
// the request names of what is returned on request.
void Write(const ScimRequestPtr& request, const ScimEndpoints::Options& options,
           std::vector<scim::AttributeRef> given, Decide decide) {
  auto projection = scim::ParseProjection(*request->schema, request->http.query);
  if (!projection.ok()) {
    request->respond(ErrorResponse(projection.status()));
    return;
  }
  auto pending = std::make_shared<PendingWrite>();
  pending->request = request;
  pending->projection = *std::move(projection);
  pending->projection.Request(std::move(given));
  pending->decide = std::move(decide);
  WriteRequest write;
  write.deadline = options.clock->SinceBoot() + options.write_deadline;
  write.done_when_valid = IsNewUser(*request) || request->http.method == "DELETE";
  write.decide = [pending, ids = options.ids](absl::Time at) {
    return DecideWrite(pending.get(), ids, at);
  };
  write.done = [pending](const absl::StatusOr<WriteReceipt>& receipt) {
    AnswerWrite(pending, receipt);
  };
  request->directory->writer().Submit(std::move(write));
}

// A body parsed on the request's own thread. Handed out whole: a request that has to be decided
// again, which is rare, parses its body again.
class ParsedBody {
 public:
  ParsedBody(const ScimRequest& request, scim::ResourceInput input)
      : request_(request), given_(scim::RequestedBy(input)), input_(std::move(input)) {}

  const std::vector<scim::AttributeRef>& given() const { return given_; }

  absl::StatusOr<scim::ResourceInput> Take() {
    if (input_.has_value()) {
      scim::ResourceInput input = *std::move(input_);
      input_.reset();
      return input;
    }
    return scim::ParseResource(*request_.schema, request_.http.body, {}, request_.clear_values);
  }

 private:
  const ScimRequest& request_;
  const std::vector<scim::AttributeRef> given_;
  std::optional<scim::ResourceInput> input_;
};

// Nothing where the body is refused, and that is answered.
std::shared_ptr<ParsedBody> ParseBody(const ScimRequestPtr& request) {
  auto input = scim::ParseResource(*request->schema, request->http.body, {}, request->clear_values);
  if (input.ok()) return std::make_shared<ParsedBody>(*request, *std::move(input));
  request->respond(ErrorResponse(input.status()));
  return nullptr;
}

}  // namespace

void ScimEndpoints::RunAlone(const ScimRequestPtr& request, scim::BulkOperation operation) const {
  operation.method = request->http.method;
  operation.schema = request->schema;
  operation.preconditions = PreconditionsOf(*request);
  scim::BulkRequest alone{.steps = {{0}}};
  alone.operations.push_back(std::move(operation));
  const absl::Duration deadline = options_.clock->SinceBoot() + options_.write_deadline;
  std::make_shared<BulkRun>(request, std::move(alone), options_.ids, options_.refused, deadline)
      ->Start();
}

void ScimEndpoints::Post(const ScimRequestPtr& request) const {
  const std::shared_ptr<ParsedBody> body = ParseBody(request);
  if (body == nullptr) return;
  const std::string id = options_.ids->NewId(options_.clock->Now());
  if (request->asynchronous) {
    return RunAlone(request, {.id = id, .input = *body->Take()});
  }
  Write(request, options_, body->given(),
        [body, id](const DirectoryState& state, absl::Time at) -> absl::StatusOr<Decision> {
          ASSIGN_OR_RETURN(scim::ResourceInput input, body->Take());
          return DecideCreate(state, std::move(input), id, at);
        });
}

void ScimEndpoints::Put(const ScimRequestPtr& request) const {
  const std::shared_ptr<ParsedBody> body = ParseBody(request);
  if (body == nullptr) return;
  if (request->asynchronous) {
    return RunAlone(request, {.id = request->resource_id(), .input = *body->Take()});
  }
  // `request` is borrowed: the write holds it as long as this closure.
  Write(request, options_, body->given(),
        [body, request = request.get(), conditions = PreconditionsOf(*request)](
            const DirectoryState& state, absl::Time at) -> absl::StatusOr<Decision> {
          ASSIGN_OR_RETURN(scim::ResourceInput input, body->Take());
          return DecideReplace(state, std::move(input), request->resource_id(), conditions, at);
        });
}

void ScimEndpoints::Patch(const ScimRequestPtr& request) const {
  auto patch = scim::ParsePatch(*request->schema, request->http.body, {}, request->clear_values);
  if (!patch.ok()) {
    request->respond(ErrorResponse(patch.status()));
    return;
  }
  if (request->asynchronous) {
    return RunAlone(request, {.id = request->resource_id(), .patch = *std::move(patch)});
  }
  auto shared = std::make_shared<const scim::PatchRequest>(*std::move(patch));
  Write(request, options_, scim::RequestedBy(*shared),
        [shared, request, conditions = PreconditionsOf(*request)](const DirectoryState& state,
                                                                  absl::Time at) {
          return DecidePatch(state, *shared, request->resource_id(), conditions, at);
        });
}

void ScimEndpoints::Delete(const ScimRequestPtr& request) const {
  if (request->asynchronous) return RunAlone(request, {.id = request->resource_id()});
  Write(request, options_, {},
        [request, conditions = PreconditionsOf(*request)](const DirectoryState& state,
                                                          absl::Time at) {
          return DecideDelete(state, request->schema->type, request->resource_id(), conditions, at);
        });
}

}  // namespace purser
