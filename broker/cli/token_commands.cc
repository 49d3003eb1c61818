#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/cli/command_builder.h"
#include "broker/cli/parse_time.h"
#include "broker/cli/tables.h"

namespace purser {
namespace {

// Where the token is shown: one of the two.
struct DoorFlags {
  std::string directory;
  bool admin = false;
};

struct MintFlags {
  DoorFlags door;
  std::string role;
  std::string expires;
  std::string user;
  Why why;
};

struct RevokeFlags {
  bool admin = false;
  std::vector<std::string> names;  // [DIRECTORY] TOKEN_ID
  Why why;
};

absl::Status CheckDoor(const DoorFlags& door) {
  if (door.admin == door.directory.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("name a directory, or say --admin");
}

std::string DoorText(const std::string& directory) {
  return directory.empty() ? "the admin API" : absl::StrCat("directory ", directory);
}

absl::StatusOr<admin::v1::MintTokenRequest> MintRequest(Session& session, const MintFlags& flags) {
  RETURN_IF_ERROR(CheckDoor(flags.door));
  const bool directorys = flags.role == "scim" || flags.role == "feed";
  if (!flags.role.empty() && directorys == flags.door.admin) {
    return absl::InvalidArgumentError(
        "a directory's token is scim or feed; with --admin it is viewer, operator or admin");
  }
  admin::v1::MintTokenRequest request;
  request.set_directory(flags.door.directory);
  request.set_user(flags.user);
  request.set_role(flags.door.admin && flags.role.empty() ? "viewer" : flags.role);
  if (!flags.expires.empty()) {
    ASSIGN_OR_RETURN(const absl::Time expires,
                     ParseOperatorExpiry(flags.expires, session.environment().clock->Now()));
    request.mutable_expires()->set_seconds(absl::ToUnixSeconds(expires));
  }
  SetWhy(session, flags.why, &request);
  return request;
}

int RunMint(Session& session, const MintFlags& flags) {
  const auto request = MintRequest(session, flags);
  if (!request.ok()) return session.Fail(request.status());
  admin::v1::MintTokenResponse response;
  const absl::Status status = session.Call("TokenService/Mint", *request, &response);
  if (!status.ok()) return session.Fail(status);
  session.Print(response, [&] { return absl::StrCat(response.secret(), "\n"); });
  session.Note(absl::StrCat("token ", response.token().id(), " of ", DoorText(response.directory()),
                            ", ", response.token().role(),
                            ": the secret is shown this once, and kept nowhere"));
  return kExitDone;
}

int RunList(Session& session, const DoorFlags& door) {
  if (const auto status = CheckDoor(door); !status.ok()) return session.Fail(status);
  admin::v1::ListTokensRequest request;
  request.set_directory(door.directory);
  admin::v1::ListTokensResponse response;
  const absl::Status status = session.Call("TokenService/List", request, &response);
  if (!status.ok()) return session.Fail(status);
  session.Print(response, [&] { return TokensTable(response); });
  return kExitDone;
}

int RunRevoke(Session& session, const RevokeFlags& flags) {
  const DoorFlags door{flags.names.size() == 2 ? flags.names.front() : "", flags.admin};
  if (const auto status = CheckDoor(door); !status.ok()) return session.Fail(status);
  admin::v1::RevokeTokenRequest request;
  request.set_directory(door.directory);
  request.set_token_id(flags.names.back());
  SetWhy(session, flags.why, &request);
  admin::v1::RevokeTokenResponse response;
  const absl::Status status = session.Call("TokenService/Revoke", request, &response);
  if (!status.ok()) return session.Fail(status);
  session.Print(response, [&] {
    return absl::StrCat("revoked ", response.token().id(), " of ", DoorText(response.directory()),
                        "\n");
  });
  return kExitDone;
}

void BindDoor(CLI::App* command, DoorFlags* door) {
  command->add_option("DIRECTORY", door->directory, "its name or id");
  command->add_flag("--admin", door->admin, "the admin API in place of a directory");
}

}  // namespace

void AddTokenCommands(CLI::App* root, ChosenCommand* chosen) {
  CLI::App* token = AddNoun(root, "token", "who may come in, by SCIM or to the admin API");
  AddVerb<MintFlags>(
      token, chosen, "mint", "make a token and print its secret, once",
      [](CLI::App* command, MintFlags* flags) {
        BindDoor(command, &flags->door);
        command
            ->add_option("--role", flags->role,
                         "scim (if absent) or feed, which reads the events of a directory alone; "
                         "with --admin: viewer (if absent), operator, admin")
            ->check(CLI::IsMember({"scim", "feed", "viewer", "operator", "admin"}));
        command->add_option("--expires", flags->expires, "90d, or a date; never if absent");
        command->add_option("--user", flags->user, "whom /Me means: a user's id or userName");
        BindWhy(command, &flags->why, true);
      },
      RunMint);
  AddVerb<DoorFlags>(token, chosen, "list", "the tokens of one door, without their secrets",
                     BindDoor, RunList);
  AddVerb<RevokeFlags>(
      token, chosen, "revoke", "a token opens nothing any more",
      [](CLI::App* command, RevokeFlags* flags) {
        command
            ->add_option("NAMES", flags->names, "the directory, unless --admin, and the token's id")
            ->option_text("[DIRECTORY] TOKEN_ID")
            ->required()
            ->expected(1, 2);
        command->add_flag("--admin", flags->admin, "of the admin API, in place of a directory");
        BindWhy(command, &flags->why, true);
      },
      RunRevoke);
}

}  // namespace purser
