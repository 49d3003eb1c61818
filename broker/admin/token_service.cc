#include "broker/admin/token_service.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/admin/lookup.h"
#include "broker/admin/writing.h"
#include "broker/auth/token.h"
#include "broker/base/status.h"
#include "broker/eventlog/fold.h"
#include "google/protobuf/util/time_util.h"
#include "purser/event/v1/control.pb.h"

namespace purser {
namespace {

using auth::Role;
using auth::Tokens;
using event::v1::Envelope;
using google::protobuf::util::TimeUtil;

// Where a token is shown; `id` is empty at the admin API.
struct Door {
  std::string id;
  std::string name;

  std::string Text() const { return id.empty() ? "the admin API" : "directory " + name; }
};

absl::StatusOr<Door> FindDoor(const ControlState& state, const std::string& directory) {
  if (directory.empty()) return Door{};
  ASSIGN_OR_RETURN(const DirectoryEntry* entry, FindDirectory(state, directory));
  return Door{entry->id, entry->directory.name()};
}

std::vector<event::v1::Token> TokensOf(const ControlState& state, const Door& door) {
  const auto it = state.tokens.find(door.id);
  return it == state.tokens.end() ? std::vector<event::v1::Token>() : it->second;
}

admin::v1::Token Shown(const event::v1::Token& token, absl::Time now) {
  admin::v1::Token shown;
  shown.set_id(token.id());
  shown.set_role(token.role());
  if (token.has_expires()) *shown.mutable_expires() = token.expires();
  shown.set_expired(!auth::IsLive(token, now));
  shown.set_user_id(token.user_id());
  return shown;
}

absl::StatusOr<Role> RoleAskedFor(const admin::v1::MintTokenRequest& request) {
  if (!request.directory().empty()) {
    if (request.role().empty()) return Role::kScim;
    const auto asked = auth::ParseRole(request.role());
    if (asked.ok() && auth::IsDirectorys(*asked)) return asked;
    return absl::InvalidArgumentError(
        absl::StrCat("\"", request.role(), "\" is no role of a directory's token: scim or feed"));
  }
  const auto role = auth::ParseRole(request.role());
  if (role.ok() && !auth::IsDirectorys(*role)) return role;
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", request.role(), "\" is no role at the admin API: viewer, operator or admin"));
}

// By its id: a userName may be another's one day.
absl::StatusOr<std::string> UserAskedFor(const AdminContext& context,
                                         const admin::v1::MintTokenRequest& request) {
  if (request.user().empty()) return std::string();
  if (request.directory().empty()) {
    return absl::InvalidArgumentError("a token of the admin API stands for no user");
  }
  ASSIGN_OR_RETURN(const FoundSubject found, FindSubject(context, *context.control->state(),
                                                         request.directory(), request.user()));
  if (found.type == event::v1::USER && !found.subject.deleted()) return found.subject.id();
  return absl::NotFoundError(absl::StrCat("\"", request.user(), "\" is no user of the directory"));
}

absl::StatusOr<absl::Time> ExpiryAskedFor(const admin::v1::MintTokenRequest& request,
                                          absl::Time now) {
  if (!request.has_expires()) return absl::InfiniteFuture();
  const auto& expires = request.expires();
  if (expires.seconds() > TimeUtil::kTimestampMaxSeconds || expires.nanos() < 0 ||
      expires.nanos() >= 1'000'000'000) {
    return absl::InvalidArgumentError("the token's expiry is no time before the year 10000");
  }
  const absl::Time time = ToTime(expires);
  if (time > now) return time;
  return absl::InvalidArgumentError("the token would be expired from the start");
}

// Changes the tokens that a door has now; runs again after a lost race.
using ChangeTokens = std::function<absl::Status(const Door& door, absl::Time now, Tokens* tokens)>;

absl::Status Put(const AdminContext& context, const Wish& wish, const std::string& directory,
                 const ChangeTokens& change) {
  const auto decide = [context, wish, directory,
                       change]() -> absl::StatusOr<std::vector<Envelope>> {
    const absl::Time now = context.clock->Now();
    const ControlState& state = context.control->draft();
    ASSIGN_OR_RETURN(const Door door, FindDoor(state, directory));
    event::v1::TokensPut put;
    for (event::v1::Token& token : TokensOf(state, door)) *put.add_tokens() = std::move(token);
    RETURN_IF_ERROR(change(door, now, put.mutable_tokens()));
    RETURN_IF_ERROR(auth::CheckTokens(door.id, put.tokens(), now));
    return std::vector<Envelope>{
        MakeEnvelope(context, wish, event::v1::TOKENS_PUT, event::v1::DIRECTORY, door.id, put)};
  };
  return SubmitAndWait(context, StreamId::Control(), decide).status();
}

void DropExpired(absl::Time now, Tokens* tokens) {
  const auto live = [now](const event::v1::Token& token) { return auth::IsLive(token, now); };
  tokens->erase(std::stable_partition(tokens->begin(), tokens->end(), live), tokens->end());
}

bool HasLiveAdmin(const Tokens& tokens, absl::Time now) {
  return std::any_of(tokens.begin(), tokens.end(), [now](const event::v1::Token& token) {
    return token.role() == auth::RoleName(Role::kAdmin) && auth::IsLive(token, now);
  });
}

// Takes the token out, and gives it back.
absl::StatusOr<event::v1::Token> TakeOut(const Door& door, const std::string& id, Tokens* tokens) {
  const auto it = std::find_if(tokens->begin(), tokens->end(),
                               [&id](const event::v1::Token& token) { return token.id() == id; });
  if (it == tokens->end()) {
    return absl::NotFoundError(absl::StrCat("no token ", id, " is at ", door.Text()));
  }
  event::v1::Token taken = *it;
  tokens->erase(it);
  return taken;
}

}  // namespace

absl::StatusOr<admin::v1::MintTokenResponse> MintToken(const AdminContext& context,
                                                       const Caller& caller,
                                                       const admin::v1::MintTokenRequest& request) {
  ASSIGN_OR_RETURN(const Role role, RoleAskedFor(request));
  ASSIGN_OR_RETURN(const absl::Time expires, ExpiryAskedFor(request, context.clock->Now()));
  ASSIGN_OR_RETURN(const std::string user_id, UserAskedFor(context, request));
  // The last decision is the one that came to stand.
  auto response = std::make_shared<admin::v1::MintTokenResponse>();
  const auto change = [role, expires, user_id, response, ids = context.ids](
                          const Door& door, absl::Time now, Tokens* tokens) {
    DropExpired(now, tokens);
    auth::MintedToken minted = auth::MintToken(*ids, role, now, expires);
    minted.token.set_user_id(user_id);
    *tokens->Add() = minted.token;
    response->set_secret(minted.secret);
    *response->mutable_token() = Shown(minted.token, now);
    response->set_directory(door.name);
    return absl::OkStatus();
  };
  const Wish wish = MakeWish(context, caller, request.request_id(), request.reason());
  RETURN_IF_ERROR(Put(context, wish, request.directory(), change));
  return *response;
}

absl::StatusOr<admin::v1::ListTokensResponse> ListTokens(
    const AdminContext& context, const Caller&, const admin::v1::ListTokensRequest& request) {
  const std::shared_ptr<const ControlState> state = context.control->state();
  ASSIGN_OR_RETURN(const Door door, FindDoor(*state, request.directory()));
  admin::v1::ListTokensResponse response;
  response.set_directory(door.name);
  const absl::Time now = context.clock->Now();
  for (const event::v1::Token& token : TokensOf(*state, door)) {
    *response.add_tokens() = Shown(token, now);
  }
  return response;
}

absl::StatusOr<admin::v1::RevokeTokenResponse> RevokeToken(
    const AdminContext& context, const Caller& caller,
    const admin::v1::RevokeTokenRequest& request) {
  auto response = std::make_shared<admin::v1::RevokeTokenResponse>();
  const auto change = [id = request.token_id(), response](const Door& door, absl::Time now,
                                                          Tokens* tokens) -> absl::Status {
    const bool had_admin = HasLiveAdmin(*tokens, now);
    ASSIGN_OR_RETURN(const event::v1::Token taken, TakeOut(door, id, tokens));
    if (door.id.empty() && had_admin && !HasLiveAdmin(*tokens, now)) {
      return absl::FailedPreconditionError(
          absl::StrCat("token ", id, " is the last one of an admin: mint another one first"));
    }
    *response->mutable_token() = Shown(taken, now);
    response->set_directory(door.name);
    return absl::OkStatus();
  };
  const Wish wish = MakeWish(context, caller, request.request_id(), request.reason());
  RETURN_IF_ERROR(Put(context, wish, request.directory(), change));
  return *response;
}

}  // namespace purser
