#include "broker/app/bootstrap.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "broker/admin/apply.h"
#include "broker/admin/upgrade_service.h"
#include "broker/admin/writing.h"
#include "broker/auth/token.h"
#include "broker/base/log.h"
#include "broker/base/status.h"
#include "broker/config/configuration.h"
#include "broker/crypto/base64url.h"
#include "broker/crypto/secrets.h"
#include "broker/crypto/signing_key.h"
#include "purser/event/v1/control.pb.h"

namespace purser {
namespace {

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat(path, " cannot be read"));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// For its owner alone (mode 0600).
absl::Status WriteOwnFile(const std::string& path, const std::string& text) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) return absl::InternalError(absl::StrCat(path, " cannot be written"));
  const ssize_t written = write(file, text.data(), text.size());
  const bool closed = close(file) == 0;
  if (written != static_cast<ssize_t>(text.size()) || !closed) {
    return absl::InternalError(absl::StrCat(path, " could not be written whole"));
  }
  return absl::OkStatus();
}

// $`variable`, else what `path` holds, else a new secret written to `path`.
absl::StatusOr<std::string> SecretOf(const char* variable, const std::string& path) {
  if (const char* given = std::getenv(variable); given != nullptr && *given != '\0') return given;
  if (auto kept = ReadFile(path); kept.ok()) {
    const std::string secret(absl::StripAsciiWhitespace(*kept));
    if (!secret.empty()) return secret;
  }
  const std::string secret = Base64UrlEncode(RandomBytes(32));
  RETURN_IF_ERROR(WriteOwnFile(path, secret));
  return secret;
}

Caller Operator() { return {"purser serve", auth::Role::kAdmin}; }

bool HoldsToken(const ControlState& state, const std::string& directory_id,
                const event::v1::Token& token) {
  const auto it = state.tokens.find(directory_id);
  return it != state.tokens.end() &&
         std::any_of(it->second.begin(), it->second.end(), [&](const event::v1::Token& held) {
           return held.sha256() == token.sha256() && held.role() == token.role();
         });
}

// Puts the one token of a door under --dev; what was there before is replaced.
void PutDevToken(const AdminContext& context, const std::string& directory_id,
                 const std::string& secret, auth::Role role,
                 std::vector<event::v1::Envelope>* records) {
  const event::v1::Token token = auth::TokenOf(secret, "dev", role, absl::InfiniteFuture());
  if (HoldsToken(*context.control->state(), directory_id, token)) return;
  event::v1::TokensPut put;
  *put.add_tokens() = token;
  const Wish wish = MakeWish(context, Operator(), "", "first start");
  records->push_back(
      MakeEnvelope(context, wish, event::v1::TOKENS_PUT, event::v1::DIRECTORY, directory_id, put));
}

// The admin API's tokens that open it at `now`.
event::v1::TokensPut LiveAdminTokens(const ControlState& state, absl::Time now) {
  event::v1::TokensPut live;
  const auto held = state.tokens.find("");
  if (held == state.tokens.end()) return live;
  for (const event::v1::Token& token : held->second) {
    if (auth::IsLive(token, now)) *live.add_tokens() = token;
  }
  return live;
}

bool HoldsAnAdmin(const event::v1::TokensPut& tokens) {
  return std::any_of(tokens.tokens().begin(), tokens.tokens().end(), [](const auto& token) {
    return token.role() == auth::RoleName(auth::Role::kAdmin);
  });
}

}  // namespace

absl::StatusOr<std::string> NodeId(const std::string& folder, IdSource* ids, const Clock& clock) {
  const std::string path = absl::StrCat(folder, "/node-id");
  if (auto kept = ReadFile(path); kept.ok()) {
    const std::string id(absl::StripAsciiWhitespace(*kept));
    if (IsUuid(id)) return id;
  }
  const std::string id = ids->NewId(clock.Now());
  RETURN_IF_ERROR(WriteOwnFile(path, id));
  return id;
}

absl::StatusOr<std::string> DevToken(const std::string& folder) {
  return SecretOf("PURSER_DEV_TOKEN", absl::StrCat(folder, "/dev-token"));
}

absl::StatusOr<std::string> DevSigningKey(const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/dev-signing-key");
  if (auto kept = ReadFile(path); kept.ok() && SigningKey::FromPem(*kept).ok()) return kept;
  std::string pem = SigningKey::MakePem();
  RETURN_IF_ERROR(WriteOwnFile(path, pem));
  return pem;
}

absl::Status PrepareLog(const AdminContext& context) {
  if (context.control->state()->head.position > 0) return absl::OkStatus();
  const auto decide = [context]() -> absl::StatusOr<std::vector<event::v1::Envelope>> {
    std::vector<event::v1::Envelope> records;
    if (context.control->draft().head.position > 0) return records;
    records.push_back(
        MakeUpgradeFinalized(context, MakeWish(context, Operator(), "", "a new log")));
    return records;
  };
  return SubmitAndWait(context, StreamId::Control(), decide).status();
}

absl::Status PrepareDev(const AdminContext& context, const std::string& secret) {
  const auto position = SubmitAndWait(
      context, StreamId::Control(), [&]() -> absl::StatusOr<std::vector<event::v1::Envelope>> {
        std::vector<event::v1::Envelope> records;
        const auto state = context.control->state();
        const DirectoryEntry* main = state->DirectoryByName("main");
        const std::string id =
            main != nullptr ? main->id : context.ids->NewId(context.clock->Now());
        if (main == nullptr) {
          event::v1::DirectoryPut put;
          put.mutable_directory()->set_name("main");
          records.push_back(MakeEnvelope(context, MakeWish(context, Operator(), "", "first start"),
                                         event::v1::DIRECTORY_PUT, event::v1::DIRECTORY, id, put));
        }
        PutDevToken(context, id, secret, auth::Role::kScim, &records);
        PutDevToken(context, "", secret, auth::Role::kAdmin, &records);
        return records;
      });
  return position.status();
}

absl::Status PrepareAdminToken(const AdminContext& context, const std::string& folder) {
  const absl::Time now = context.clock->Now();
  if (HoldsAnAdmin(LiveAdminTokens(*context.control->state(), now))) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string secret,
                   SecretOf("PURSER_ADMIN_TOKEN", absl::StrCat(folder, "/admin-token")));
  const auto position = SubmitAndWait(
      context, StreamId::Control(),
      [&context, secret, now]() -> absl::StatusOr<std::vector<event::v1::Envelope>> {
        event::v1::TokensPut put = LiveAdminTokens(context.control->draft(), now);
        if (HoldsAnAdmin(put)) return std::vector<event::v1::Envelope>();
        *put.add_tokens() = auth::TokenOf(secret, context.ids->NewId(now), auth::Role::kAdmin,
                                          absl::InfiniteFuture());
        const Wish wish = MakeWish(context, Operator(), "", "nobody held an admin's token");
        return std::vector<event::v1::Envelope>{
            MakeEnvelope(context, wish, event::v1::TOKENS_PUT, event::v1::DIRECTORY, "", put)};
      });
  return position.status();
}

absl::StatusOr<std::vector<admin::v1::ConfigFile>> ReadConfigFiles(
    const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(const std::vector<std::string> named, config::FilesAt(path));
    files.insert(files.end(), named.begin(), named.end());
  }
  std::vector<admin::v1::ConfigFile> texts;
  for (const std::string& path : files) {
    ASSIGN_OR_RETURN(std::string text, ReadFile(path));
    admin::v1::ConfigFile file;
    file.set_name(path);
    file.set_text(std::move(text));
    texts.push_back(std::move(file));
  }
  return texts;
}

absl::Status ApplyFiles(const AdminContext& context,
                        const std::vector<admin::v1::ConfigFile>& files) {
  if (files.empty()) return absl::OkStatus();
  return ApplyConfiguration(context, Operator(), files, {.reason = "purser serve --apply"})
      .status();
}

}  // namespace purser
