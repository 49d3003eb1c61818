#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "broker/admin/lookup.h"
#include "broker/admin/timeline_entries.h"
#include "broker/admin/user_service.h"
#include "broker/base/status.h"
#include "broker/eventlog/fold.h"
#include "broker/eventlog/whole_event.h"

namespace purser {
namespace {

using admin::v1::TimelineEntry;

constexpr size_t kMostRecords = 5'000;

// The latest kMostRecords of `positions`.
std::vector<StreamPosition> Latest(std::vector<StreamPosition> positions) {
  if (positions.size() > kMostRecords) {
    positions.erase(positions.begin(), positions.end() - kMostRecords);
  }
  return positions;
}

absl::Status AddDirectory(const AdminContext& context, const FoundSubject& found,
                          const TimelineScope& scope, std::vector<TimelineEntry>* entries) {
  ASSIGN_OR_RETURN(const auto reader, ReadDirectory(context, found.directory_id));
  ASSIGN_OR_RETURN(auto positions, reader->Timeline(scope.resource_id));
  const StreamId stream = StreamId::Directory(found.directory_id);
  for (const StreamPosition position : Latest(std::move(positions))) {
    ASSIGN_OR_RETURN(const auto envelope, ReadEvent(*context.log, stream, position));
    RETURN_IF_ERROR(AddDirectoryEntry(envelope, position, scope, entries));
  }
  return absl::OkStatus();
}

absl::Status AddApp(const AdminContext& context, const AppEntry& app, const TimelineScope& scope,
                    std::vector<TimelineEntry>* entries) {
  const auto reader = ReadApp(context, app.id);
  if (absl::IsUnavailable(reader.status())) return absl::OkStatus();
  RETURN_IF_ERROR(reader.status());
  ASSIGN_OR_RETURN(auto positions, (*reader)->History(scope.resource_id));
  const StreamId stream = StreamId::App(app.id);
  for (const StreamPosition position : Latest(std::move(positions))) {
    ASSIGN_OR_RETURN(const auto envelope, ReadEvent(*context.log, stream, position));
    RETURN_IF_ERROR(AddAppEntries(envelope, position, app.app.name(), scope, entries));
  }
  return absl::OkStatus();
}

// By log time; the directory's event before what came of it, records of one stream in their order.
void SortEntries(std::vector<TimelineEntry>* entries) {
  std::stable_sort(entries->begin(), entries->end(),
                   [](const TimelineEntry& a, const TimelineEntry& b) {
                     return ToTime(a.time()) < ToTime(b.time());
                   });
}

absl::Status FillPage(const admin::v1::TimelineRequest& request, std::vector<TimelineEntry> entries,
                      admin::v1::TimelineResponse* response) {
  uint64_t offset = 0;
  if (!request.page_token().empty() && !absl::SimpleAtoi(request.page_token(), &offset)) {
    return absl::InvalidArgumentError("the page token is not one of ours");
  }
  const uint64_t end = offset + static_cast<uint64_t>(PageSize(request.page_size(), 1'000));
  for (uint64_t i = offset; i < entries.size() && i < end; ++i) {
    *response->add_entries() = std::move(entries[i]);
  }
  if (end < entries.size()) response->set_next_page_token(absl::StrCat(end));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<admin::v1::TimelineResponse> Timeline(const AdminContext& context,
                                                     const Caller& caller,
                                                     const admin::v1::TimelineRequest& request) {
  const std::shared_ptr<const ControlState> state = context.control->state();
  ASSIGN_OR_RETURN(const auto apps, ChosenApps(*state, request.app()));
  const std::string directory =
      request.app().empty() ? request.directory() : apps.front()->directory_id;
  ASSIGN_OR_RETURN(const FoundSubject found,
                   FindSubject(context, *state, directory, request.user()));
  const TimelineScope scope{found.subject.id(), auth::Allows(caller.role, auth::Role::kOperator)};
  std::vector<TimelineEntry> entries;
  RETURN_IF_ERROR(AddDirectory(context, found, scope, &entries));
  for (const AppEntry* app : apps) {
    if (app->directory_id != found.directory_id) continue;
    RETURN_IF_ERROR(AddApp(context, *app, scope, &entries));
  }
  SortEntries(&entries);
  admin::v1::TimelineResponse response;
  *response.mutable_subject() = found.subject;
  RETURN_IF_ERROR(FillPage(request, std::move(entries), &response));
  return response;
}

}  // namespace purser
