// What the services have in common: finding what a caller names, and the words and pages of
// answers.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "broker/admin/admin_context.h"
#include "google/protobuf/generated_enum_reflection.h"
#include "google/protobuf/timestamp.pb.h"
#include "purser/admin/v1/admin.pb.h"

namespace purser {

// "took_effect" for TOOK_EFFECT; "" for a value that is unspecified or unknown.
template <typename Enum>
std::string WordOf(Enum value) {
  if (static_cast<int>(value) == 0) return "";
  const auto* found =
      google::protobuf::GetEnumDescriptor<Enum>()->FindValueByNumber(static_cast<int>(value));
  return found == nullptr ? "" : absl::AsciiStrToLower(found->name());
}

std::string WordOf(JobState state);

// Sets `out` unless `time` is infinite or the epoch, which stand for "none".
void SetTimestamp(absl::Time time, google::protobuf::Timestamp* out);

// An entry of the control state by id or name; NotFound names what was asked for. Points into
// `state`.
absl::StatusOr<const AppEntry*> FindApp(const ControlState& state, absl::string_view id_or_name);
absl::StatusOr<const DirectoryEntry*> FindDirectory(const ControlState& state,
                                                    absl::string_view id_or_name);
// The apps asked for: one, or where `id_or_name` is empty all, by name.
absl::StatusOr<std::vector<const AppEntry*>> ChosenApps(const ControlState& state,
                                                        absl::string_view id_or_name);

// A consistent view of one projection. Unavailable while it is not there, or has not caught up.
absl::StatusOr<DirectoryReaders::Lease> ReadDirectory(const AdminContext& context,
                                                      absl::string_view directory_id);
absl::StatusOr<AppReaders::Lease> ReadApp(const AdminContext& context, absl::string_view app_id);

// A user or a group, live or gone, that a caller named.
struct FoundSubject {
  admin::v1::Subject subject;
  std::string directory_id;
  event::v1::ResourceType type = event::v1::USER;
};

// By id, userName, or a group's displayName; the live before the gone. `directory` (id or name) may
// be empty. NotFound; InvalidArgument where several directories know the name.
absl::StatusOr<FoundSubject> FindSubject(const AdminContext& context, const ControlState& state,
                                         absl::string_view directory, absl::string_view text);

// userName or displayName of a resource, also of a deleted one; "" where it is not known.
absl::StatusOr<std::string> NameOf(const DirectoryReader& reader, event::v1::ResourceType type,
                                   absl::string_view id);

// The number of entries a page may have: `asked`, else `standard`, and never above 1,000.
int PageSize(uint32_t asked, int standard = 100);

}  // namespace purser
