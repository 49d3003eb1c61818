#include "broker/admin/lookup.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/eventlog/fold.h"

namespace purser {
namespace {

using admin::v1::Subject;

std::string NameIn(const Resource& resource) {
  const char* attribute = resource.type == event::v1::USER ? "userName" : "displayName";
  const auto it = resource.attributes.find(attribute);
  return it != resource.attributes.end() && it->is_string() ? it->get<std::string>() : "";
}

FoundSubject MakeSubject(const DirectoryEntry& directory, event::v1::ResourceType type,
                         absl::string_view id, absl::string_view name, bool deleted) {
  FoundSubject found;
  found.directory_id = directory.id;
  found.type = type;
  found.subject.set_id(std::string(id));
  found.subject.set_type(WordOf(type));
  found.subject.set_name(std::string(name));
  found.subject.set_directory(directory.directory.name());
  found.subject.set_deleted(deleted);
  return found;
}

absl::StatusOr<std::optional<std::string>> LiveId(const DirectoryReader& reader,
                                                  absl::string_view text) {
  ASSIGN_OR_RETURN(const auto type, reader.TypeOf(text));
  if (type) return std::string(text);
  ASSIGN_OR_RETURN(auto user, reader.UserIdByUserName(text));
  if (user) return user;
  ASSIGN_OR_RETURN(const auto groups,
                   reader.FindIndexed(event::v1::GROUP, IndexedAttribute::kDisplayName, text));
  if (!groups.empty()) return groups.front();
  return std::optional<std::string>();
}

absl::StatusOr<std::optional<FoundSubject>> FindLive(const DirectoryEntry& directory,
                                                     const DirectoryReader& reader,
                                                     absl::string_view text) {
  ASSIGN_OR_RETURN(const auto id, LiveId(reader, text));
  if (!id) return std::optional<FoundSubject>();
  ASSIGN_OR_RETURN(const auto type, reader.TypeOf(*id));
  if (!type) return std::optional<FoundSubject>();
  ASSIGN_OR_RETURN(const auto resource, reader.Find(*type, *id));
  return MakeSubject(directory, *type, *id, resource ? NameIn(*resource) : "", false);
}

absl::StatusOr<std::optional<FoundSubject>> FindGone(const DirectoryEntry& directory,
                                                     const DirectoryReader& reader,
                                                     absl::string_view text) {
  ASSIGN_OR_RETURN(auto tombstone, reader.FindTombstone(text));
  if (!tombstone) {
    ASSIGN_OR_RETURN(tombstone, reader.FindTombstoneByName(text));
  }
  if (!tombstone) return std::optional<FoundSubject>();
  return MakeSubject(directory, tombstone->type, tombstone->id, tombstone->name, true);
}

absl::StatusOr<std::vector<const DirectoryEntry*>> ChosenDirectories(const ControlState& state,
                                                                     absl::string_view name) {
  std::vector<const DirectoryEntry*> chosen;
  if (!name.empty()) {
    ASSIGN_OR_RETURN(const DirectoryEntry* one, FindDirectory(state, name));
    chosen.push_back(one);
    return chosen;
  }
  for (const auto& [id, entry] : state.directories) chosen.push_back(&entry);
  return chosen;
}

}  // namespace

std::string WordOf(JobState state) {
  switch (state) {
    case JobState::kQueued:
      return "queued";
    case JobState::kRunning:
      return "running";
    case JobState::kDone:
      return "done";
    case JobState::kFailed:
      return "failed";
    case JobState::kCancelled:
      return "cancelled";
  }
  return "";
}

void SetTimestamp(absl::Time time, google::protobuf::Timestamp* out) {
  if (time == absl::InfinitePast() || time == absl::InfiniteFuture()) return;
  if (time > absl::UnixEpoch()) SetTime(time, out);
}

absl::StatusOr<const AppEntry*> FindApp(const ControlState& state, absl::string_view id_or_name) {
  if (id_or_name.empty()) return absl::InvalidArgumentError("no app is named");
  const AppEntry* entry = state.FindApp(id_or_name);
  if (entry == nullptr) {
    return absl::NotFoundError(absl::StrCat("there is no app \"", id_or_name, "\""));
  }
  return entry;
}

absl::StatusOr<const DirectoryEntry*> FindDirectory(const ControlState& state,
                                                    absl::string_view id_or_name) {
  const auto it = state.directories.find(std::string(id_or_name));
  const DirectoryEntry* entry =
      it != state.directories.end() ? &it->second : state.DirectoryByName(id_or_name);
  if (entry == nullptr) {
    return absl::NotFoundError(absl::StrCat("there is no directory \"", id_or_name, "\""));
  }
  return entry;
}

absl::StatusOr<std::vector<const AppEntry*>> ChosenApps(const ControlState& state,
                                                        absl::string_view id_or_name) {
  std::vector<const AppEntry*> chosen;
  if (!id_or_name.empty()) {
    ASSIGN_OR_RETURN(const AppEntry* app, FindApp(state, id_or_name));
    chosen.push_back(app);
    return chosen;
  }
  for (const auto& [id, entry] : state.apps) chosen.push_back(&entry);
  std::sort(chosen.begin(), chosen.end(),
            [](const AppEntry* a, const AppEntry* b) { return a->app.name() < b->app.name(); });
  return chosen;
}

absl::StatusOr<DirectoryReaders::Lease> ReadDirectory(const AdminContext& context,
                                                      absl::string_view directory_id) {
  if (context.catch_up) RETURN_IF_ERROR(context.catch_up(StreamId::Directory(directory_id)));
  DirectoryReaders* readers = context.directories(directory_id);
  if (readers == nullptr) {
    return absl::UnavailableError(absl::StrCat("directory ", directory_id, " is not read yet"));
  }
  return readers->Take();
}

absl::StatusOr<AppReaders::Lease> ReadApp(const AdminContext& context, absl::string_view app_id) {
  if (context.catch_up) RETURN_IF_ERROR(context.catch_up(StreamId::App(app_id)));
  AppReaders* readers = context.apps(app_id);
  if (readers == nullptr) {
    return absl::UnavailableError(absl::StrCat("app ", app_id, " is not read yet"));
  }
  return readers->Take();
}

absl::StatusOr<FoundSubject> FindSubject(const AdminContext& context, const ControlState& state,
                                         absl::string_view directory, absl::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("no user is named");
  ASSIGN_OR_RETURN(const auto directories, ChosenDirectories(state, directory));
  std::vector<FoundSubject> live;
  std::vector<FoundSubject> gone;
  for (const DirectoryEntry* entry : directories) {
    ASSIGN_OR_RETURN(const auto reader, ReadDirectory(context, entry->id));
    ASSIGN_OR_RETURN(auto found, FindLive(*entry, *reader, text));
    if (found) live.push_back(*std::move(found));
    ASSIGN_OR_RETURN(auto dead, FindGone(*entry, *reader, text));
    if (dead) gone.push_back(*std::move(dead));
  }
  std::vector<FoundSubject>& hits = live.empty() ? gone : live;
  if (hits.empty()) {
    return absl::NotFoundError("no user or group has, or had, that id or name");
  }
  if (hits.size() > 1) {
    return absl::InvalidArgumentError("several directories know that name: say which one");
  }
  return std::move(hits.front());
}

absl::StatusOr<std::string> NameOf(const DirectoryReader& reader, event::v1::ResourceType type,
                                   absl::string_view id) {
  ASSIGN_OR_RETURN(const auto resource, reader.Find(type, id));
  if (resource) return NameIn(*resource);
  ASSIGN_OR_RETURN(const auto tombstone, reader.FindTombstone(id));
  return tombstone ? tombstone->name : "";
}

int PageSize(uint32_t asked, int standard) {
  if (asked == 0) return standard;
  return static_cast<int>(std::min<uint32_t>(asked, 1'000));
}

}  // namespace purser
