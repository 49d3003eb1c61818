// One SCIM request on its way through the front door.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "broker/auth/token_table.h"
#include "broker/base/ids.h"
#include "broker/commands/resource_commands.h"
#include "broker/domain/request_limits.h"
#include "broker/frontdoor/directory_service.h"
#include "broker/http/server.h"
#include "broker/scim/clear_values.h"
#include "broker/scim/schema.h"
#include "purser/event/v1/envelope.pb.h"

namespace purser {

// What a directory's configuration says of its front door.
struct DirectorySettings {
  std::string public_url;  // what clients call its base; empty: as the request says
  scim::ClearValues clear_values;
  scim::SchemaSetPtr schemas = scim::StandardSchemas();
  RequestLimits limits;
  std::vector<std::string> event_uris;  // what its feeds may hold
};

// Shared by the threads the request passes through; answered once.
struct ScimRequest {
  http::Request http;
  http::Respond respond;
  DirectoryService* directory = nullptr;
  std::string base_url;  // what meta.location begins with
  scim::ClearValues clear_values;
  std::vector<std::string> event_uris;
  auth::Principal principal;
  // Of an asynchronous request: its transaction, minted.
  std::string request_id;
  bool asynchronous = false;  // RFC 9967, section 2.5.1
  // The path behind the base: {"Users", "0192.."}.
  std::vector<std::string> segments;

  RequestLimits limits;
  scim::SchemaSetPtr schemas;
  // Of `schemas`: the resource type of the first segment; nullptr where it names none.
  const scim::ResourceSchema* schema = nullptr;
  bool is_bulk() const { return !segments.empty() && segments.front() == "Bulk"; }
  std::string resource_id() const { return segments.size() > 1 ? segments[1] : ""; }
};
using ScimRequestPtr = std::shared_ptr<ScimRequest>;

// An answer with a SCIM body; `etag` 0: none.
http::Response ScimResponse(int status, std::string body, uint64_t etag = 0);
// The SCIM error of any status; 503 carries Retry-After, 401 WWW-Authenticate.
http::Response ErrorResponse(const absl::Status& status);
// The same for an HTTP status that has no absl::Status: 405 and its like.
http::Response ErrorResponse(int status, absl::string_view detail);
http::Response MethodNotAllowed(absl::string_view allow);

// Says how old the answer may be, in seconds (RFC 9111, section 5.1): what it shows was known to be
// at the log's end `behind` ago, or is as old as its last record `head`; `now` is the time.
void TellAge(absl::Duration behind, const Head& head, absl::Time now, http::Response* response);

// The envelope of an event that `request` causes: who, which request, in which trace.
event::v1::Envelope EnvelopeOf(const ScimRequest& request);

// What a decision writes at log time `at`; nothing where nothing changed. Takes its payload, and
// gives the resource after it that time; its version is the position of the event's last record.
// `by` says who, by which request and why: EnvelopeOf() of a SCIM request.
std::vector<event::v1::Envelope> EventsOf(const event::v1::Envelope& by, IdSource* ids,
                                          absl::Time at, Decision* decision);
std::vector<event::v1::Envelope> EventsOf(const ScimRequest& request, IdSource* ids, absl::Time at,
                                          Decision* decision);

}  // namespace purser
