#include "broker/projections/control_state.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/events/sealing.h"
#include "broker/scim/configured_schemas.h"

namespace purser {
namespace {

using event::v1::Envelope;

absl::Status ApplyDirectory(const Envelope& envelope, const std::string& payload,
                            ControlState* state) {
  event::v1::DirectoryPut put;
  if (!put.ParseFromString(payload)) return absl::DataLossError("a directory does not decode");
  state->directories[envelope.resource_id()] = {envelope.resource_id(), put.directory(),
                                                envelope.resource_version(),
                                                scim::SchemasOf(put.directory())};
  return absl::OkStatus();
}

absl::Status ApplyApp(const Envelope& envelope, const std::string& payload, ControlState* state) {
  event::v1::AppPut put;
  if (!put.ParseFromString(payload)) return absl::DataLossError("an app does not decode");
  AppEntry& entry = state->apps[envelope.resource_id()];
  if (entry.created == 0) entry.created = envelope.resource_version();
  entry.id = envelope.resource_id();
  entry.app = put.app();
  entry.directory_id = put.directory_id();
  entry.version = envelope.resource_version();
  return absl::OkStatus();
}

absl::Status ApplyTokens(const Envelope& envelope, const std::string& payload,
                         ControlState* state) {
  event::v1::TokensPut put;
  if (!put.ParseFromString(payload)) return absl::DataLossError("tokens do not decode");
  state->tokens[envelope.resource_id()] = {put.tokens().begin(), put.tokens().end()};
  return absl::OkStatus();
}

absl::Status ApplyFinalized(const std::string& payload, ControlState* state) {
  event::v1::UpgradeFinalized finalized;
  if (!finalized.ParseFromString(payload)) {
    return absl::DataLossError("the end of an upgrade does not decode");
  }
  state->finalized = std::max(state->finalized, finalized.reader());
  return absl::OkStatus();
}

absl::Status ApplyPayload(const Envelope& envelope, const std::string& payload,
                          ControlState* state) {
  switch (envelope.kind()) {
    case event::v1::DIRECTORY_PUT:
      return ApplyDirectory(envelope, payload, state);
    case event::v1::APP_PUT:
      return ApplyApp(envelope, payload, state);
    case event::v1::TOKENS_PUT:
      return ApplyTokens(envelope, payload, state);
    case event::v1::UPGRADE_FINALIZED:
      return ApplyFinalized(payload, state);
    default:
      return absl::OkStatus();
  }
}

}  // namespace

const DirectoryEntry* ControlState::DirectoryByName(absl::string_view name) const {
  for (const auto& [id, entry] : directories) {
    if (entry.directory.name() == name) return &entry;
  }
  return nullptr;
}

const AppEntry* ControlState::AppByName(absl::string_view name) const {
  for (const auto& [id, entry] : apps) {
    if (entry.app.name() == name) return &entry;
  }
  return nullptr;
}

const AppEntry* ControlState::FindApp(absl::string_view id_or_name) const {
  const auto it = apps.find(std::string(id_or_name));
  return it != apps.end() ? &it->second : AppByName(id_or_name);
}

ControlProjection::ControlProjection() {
  draft_.head = EmptyHead(StreamId::Control());
  state_ = std::make_shared<const ControlState>(draft_);
}

absl::Status ControlProjection::Begin() { return absl::OkStatus(); }

absl::Status ControlProjection::Apply(const Record& record, const Envelope& envelope) {
  ASSIGN_OR_RETURN(const std::string payload, Open(envelope.key_id(), envelope.payload()));
  RETURN_IF_ERROR(ApplyPayload(envelope, payload, &draft_));
  draft_.head = AdvancedHead(draft_.head, record, envelope);
  return absl::OkStatus();
}

absl::Status ControlProjection::Commit() {
  auto next = std::make_shared<const ControlState>(draft_);
  MutexLock lock(&mutex_);
  state_ = std::move(next);
  return absl::OkStatus();
}

void ControlProjection::Rollback() { draft_ = *state(); }

std::shared_ptr<const ControlState> ControlProjection::state() const {
  MutexLock lock(&mutex_);
  return state_;
}

}  // namespace purser
