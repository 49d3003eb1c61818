// Decide: an intent and the directory's state become one event, or a refusal. Pure.
//
// What can be said without the state (JSON, types, paths) was said by scim/ on the request's own
// thread; what is left here asks the state a few questions and builds the event's payload.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "broker/commands/directory_state.h"
#include "broker/domain/resource.h"
#include "broker/scim/patch.h"
#include "broker/scim/request.h"
#include "broker/scim/resource_input.h"
#include "purser/event/v1/envelope.pb.h"

namespace purser {

// Bytes of members that one write may add or remove: as much as a body of 32 MB can name.
inline constexpr size_t kMaxMemberBytes = 32u << 20;
// Bytes of attributes, as JSON text, that a resource may have.
inline constexpr size_t kMaxAttributeBytes = 256u << 10;

// What a write comes to.
struct Decision {
  // False: no net change. There is no event; the answer is the resource as it stands.
  bool changed = false;
  event::v1::ResourceType type = event::v1::USER;
  std::string id;
  event::v1::Kind kind = event::v1::KIND_UNSPECIFIED;
  std::string payload;  // of `kind`, serialised
  // The resource once the event stands. Its version is the record's position, and its times are the
  // record's where it is changed: both are the caller's to set then. After a delete: as it was.
  Resource after;
  // The text of its attributes where the write brought them all; empty where it did not.
  std::string after_text;
};

// All of them: 404 where there is no such resource, 412 where the preconditions do not hold, 413
// where the members or attributes are too many; else the store's own errors.

// `id` is minted by the caller. 409 uniqueness: the userName is taken. 400 invalidValue: a member
// does not exist, or is the group itself.
absl::StatusOr<Decision> DecideCreate(const DirectoryState& state, scim::ResourceInput input,
                                      absl::string_view id, absl::Time now);

// PUT. Omitted attributes are cleared, members become those given.
absl::StatusOr<Decision> DecideReplace(const DirectoryState& state, scim::ResourceInput input,
                                       absl::string_view id,
                                       const scim::Preconditions& preconditions, absl::Time now);

absl::StatusOr<Decision> DecidePatch(const DirectoryState& state, const scim::PatchRequest& request,
                                     absl::string_view id, const scim::Preconditions& preconditions,
                                     absl::Time now);

absl::StatusOr<Decision> DecideDelete(const DirectoryState& state, event::v1::ResourceType type,
                                      absl::string_view id,
                                      const scim::Preconditions& preconditions, absl::Time now);

}  // namespace purser
