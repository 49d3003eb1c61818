#include "broker/admin/request_service.h"

#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/admin/backwards.h"
#include "broker/admin/lookup.h"
#include "broker/base/status.h"
#include "broker/domain/caseless.h"
#include "broker/events/sealing.h"
#include "nlohmann/json.hpp"
#include "purser/event/v1/directory.pb.h"

namespace purser {
namespace {

using admin::v1::ListRequestsRequest;
using admin::v1::ListRequestsResponse;
using nlohmann::json;

constexpr int kStandardPage = 50;

std::string TextOf(const json& names, const char* name) {
  const auto it = names.find(name);
  return it != names.end() && it->is_string() ? it->get<std::string>() : "";
}

// Names whose key is gone are not told.
json NamesOf(const event::v1::RefusedRequest& refused) {
  if (refused.sealed_names().empty()) return json::object();
  const absl::StatusOr<std::string> text = Open(refused.key_id(), refused.sealed_names());
  if (!text.ok()) return json::object();
  json names = json::parse(*text, nullptr, false);
  return names.is_object() ? names : json::object();
}

admin::v1::RefusedRequest ToProto(const event::v1::RefusedRequest& refused, const json& names) {
  admin::v1::RefusedRequest out;
  *out.mutable_time() = refused.time();
  out.set_request_id(refused.request_id());
  out.set_trace_parent(refused.trace_parent());
  out.set_token_id(refused.token_id());
  out.set_client(refused.client());
  out.set_method(refused.method());
  out.set_path(refused.path());
  out.set_type(WordOf(refused.resource_type()));
  out.set_resource_id(refused.resource_id());
  const std::string user_name = TextOf(names, "userName");
  out.set_user_name(user_name.empty() ? TextOf(names, "displayName") : user_name);
  out.set_external_id(TextOf(names, "externalId"));
  out.set_http_status(refused.http_status());
  out.set_reason(refused.reason());
  out.set_message(refused.message());
  *out.mutable_attributes() = refused.attributes();
  return out;
}

// What a caller asks for.
class Wanted {
 public:
  // `resource_id`: what `request.user()` is in the directory; empty where it is nobody there.
  Wanted(const ListRequestsRequest& request, std::string resource_id)
      : request_(request),
        resource_id_(std::move(resource_id)),
        user_key_(CaselessKey(request.user())),
        client_(absl::AsciiStrToLower(request.client())) {}

  bool Takes(const event::v1::RefusedRequest& refused, const json& names) const {
    return IsOfUser(refused, names) && IsOfClient(refused) && IsOfReason(refused);
  }

 private:
  bool IsOfUser(const event::v1::RefusedRequest& refused, const json& names) const {
    if (request_.user().empty()) return true;
    if (!refused.resource_id().empty() &&
        (refused.resource_id() == request_.user() || refused.resource_id() == resource_id_)) {
      return true;
    }
    return CaselessKey(TextOf(names, "userName")) == user_key_ ||
           CaselessKey(TextOf(names, "displayName")) == user_key_ ||
           TextOf(names, "externalId") == request_.user();
  }
  bool IsOfClient(const event::v1::RefusedRequest& refused) const {
    return request_.client().empty() || refused.token_id() == request_.client() ||
           absl::StrContains(absl::AsciiStrToLower(refused.client()), client_);
  }
  bool IsOfReason(const event::v1::RefusedRequest& refused) const {
    return request_.reason().empty() ||
           absl::EqualsIgnoreCase(refused.reason(), request_.reason()) ||
           absl::StrCat(refused.http_status()) == request_.reason();
  }

  const ListRequestsRequest& request_;
  const std::string resource_id_;
  const std::string user_key_;
  const std::string client_;
};

absl::StatusOr<std::string> DirectoryAskedFor(const ControlState& state, const std::string& named) {
  if (!named.empty()) {
    ASSIGN_OR_RETURN(const DirectoryEntry* entry, FindDirectory(state, named));
    return entry->id;
  }
  if (state.directories.size() == 1) return state.directories.begin()->first;
  return absl::InvalidArgumentError("there are several directories: name one");
}

}  // namespace

absl::StatusOr<ListRequestsResponse> ListRequests(const AdminContext& context, const Caller&,
                                                  const ListRequestsRequest& request) {
  const std::shared_ptr<const ControlState> state = context.control->state();
  ASSIGN_OR_RETURN(const std::string directory, DirectoryAskedFor(*state, request.directory()));
  std::string resource_id;
  if (!request.user().empty()) {
    const auto found = FindSubject(context, *state, directory, request.user());
    if (found.ok()) resource_id = found->subject.id();
    if (!found.ok() && !absl::IsNotFound(found.status())) return found.status();
  }
  const Wanted wanted(request, std::move(resource_id));
  const StreamId stream = StreamId::Requests(directory);
  ASSIGN_OR_RETURN(const Place from, BeginPages(*context.log, stream, request.page_token()));
  const int size = PageSize(request.page_size(), kStandardPage);
  ListRequestsResponse page;
  Place last;
  RETURN_IF_ERROR(VisitBackwards(*context.log, stream, from.position,
                                 [&](StreamPosition position, const std::string& bytes) {
                                   event::v1::RefusedRequest refused;
                                   if (position == from.position && from.index == 0)
                                     return true;  // shown already
                                   if (!refused.ParseFromString(bytes)) return true;
                                   const json names = NamesOf(refused);
                                   if (!wanted.Takes(refused, names)) return true;
                                   if (page.requests_size() == size) {
                                     page.set_next_page_token(FormatPlace(last));
                                     return false;
                                   }
                                   *page.add_requests() = ToProto(refused, names);
                                   last = {position, 0};
                                   return true;
                                 }));
  return page;
}

}  // namespace purser
