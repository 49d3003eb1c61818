#include "broker/admin/parked_service.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "broker/admin/delivery_service.h"
#include "broker/admin/lookup.h"
#include "broker/admin/writing.h"
#include "broker/base/status.h"
#include "broker/eventlog/fold.h"
#include "broker/eventlog/whole_event.h"
#include "broker/events/sealing.h"

namespace purser {
namespace {

using admin::v1::ParkedLane;
using admin::v1::ReleaseParkedRequest;
using admin::v1::ReleaseParkedResponse;
using event::v1::AppCommand;
using event::v1::LaneState;

constexpr int kBatch = 500;
// Outcomes that are looked back through for when a lane was parked first: it is tried hourly still.
constexpr size_t kLookBack = 50;

// True where the record at `position` leaves the resource's lane parked; sets the record's time.
absl::StatusOr<bool> ParksAt(const EventLog& log, const StreamId& stream, StreamPosition position,
                             const std::string& resource_id, absl::Time* time) {
  ASSIGN_OR_RETURN(const event::v1::Envelope envelope, ReadEvent(log, stream, position));
  if (envelope.kind() == event::v1::STARTED) return true;
  if (envelope.kind() != event::v1::OUTCOMES) return false;
  ASSIGN_OR_RETURN(const std::string payload, Open(envelope.key_id(), envelope.payload()));
  event::v1::Outcomes outcomes;
  if (!outcomes.ParseFromString(payload)) return absl::DataLossError("outcomes do not decode");
  for (const event::v1::Outcome& outcome : outcomes.outcomes()) {
    if (outcome.resource_id() != resource_id) continue;
    if (outcome.lane_state() != event::v1::PARKED) return false;
    *time = ToTime(envelope.time());
  }
  return true;
}

absl::StatusOr<absl::Time> ParkedSince(const AdminContext& context, const AppReader& reader,
                                       const std::string& app_id, const std::string& resource_id) {
  absl::Time since = absl::InfinitePast();
  ASSIGN_OR_RETURN(const auto history, reader.History(resource_id));
  size_t looked = 0;
  for (auto it = history.rbegin(); it != history.rend() && looked < kLookBack; ++it, ++looked) {
    ASSIGN_OR_RETURN(const bool parked,
                     ParksAt(*context.log, StreamId::App(app_id), *it, resource_id, &since));
    if (!parked) break;
  }
  return since;
}

absl::StatusOr<ParkedLane> Describe(const AdminContext& context, const AppEntry& entry,
                                    const AppReader& app, const DirectoryReader& directory,
                                    const Lane& lane) {
  ParkedLane out;
  out.set_app(entry.app.name());
  out.set_app_id(entry.id);
  out.set_resource_id(lane.resource_id);
  out.set_type(WordOf(lane.type));
  ASSIGN_OR_RETURN(std::string name, NameOf(directory, lane.type, lane.resource_id));
  out.set_user_name(std::move(name));
  ASSIGN_OR_RETURN(const absl::Time since, ParkedSince(context, app, entry.id, lane.resource_id));
  if (since != absl::InfinitePast()) SetTimestamp(since, out.mutable_since());
  out.set_tries(static_cast<uint32_t>(std::max(lane.tries, 0)));
  out.set_code(lane.code);
  out.set_message(lane.message);
  out.set_http_status(static_cast<uint32_t>(std::max(lane.http_status, 0)));
  if (lane.next_try > absl::UnixEpoch()) SetTimestamp(lane.next_try, out.mutable_next_try());
  out.set_remote_id(lane.linked ? lane.remote_id : "");
  ASSIGN_OR_RETURN(auto exchange, LastExchange(context, entry, lane));
  if (exchange) *out.mutable_exchange() = *std::move(exchange);
  return out;
}

// Terms that all hold: "code:refused".
absl::StatusOr<bool> MatchesFilter(const Lane& lane, absl::string_view filter) {
  for (absl::string_view term : absl::StrSplit(filter, ' ', absl::SkipEmpty())) {
    if (!absl::ConsumePrefix(&term, "code:")) {
      return absl::InvalidArgumentError(absl::StrCat("filter: \"", term, "\" is not code:.."));
    }
    if (lane.code != term) return false;
  }
  return true;
}

// One page, filled app by app; its token is "APP_ID/RESOURCE_ID" of the last lane on it.
class PageOfParked {
 public:
  PageOfParked(const AdminContext& context, const admin::v1::ListParkedRequest& request)
      : context_(context), request_(request), size_(PageSize(request.page_size())) {
    const std::pair<std::string, std::string> token =
        absl::StrSplit(request.page_token(), absl::MaxSplits('/', 1));
    after_app_ = token.first;
    after_resource_ = token.second;
  }

  absl::Status AddApp(const AppEntry& entry) {
    const auto reader = ReadApp(context_, entry.id);
    if (absl::IsUnavailable(reader.status())) return absl::OkStatus();
    RETURN_IF_ERROR(reader.status());
    ASSIGN_OR_RETURN(auto counts, (*reader)->CountByState());
    const uint64_t parked = counts[event::v1::PARKED];
    page_.set_total(page_.total() + static_cast<uint32_t>(parked));
    if (!after_app_.empty() && !reached_) {
      reached_ = entry.id == after_app_;
      if (!reached_) return absl::OkStatus();
      return parked == 0 ? absl::OkStatus() : AddLanes(entry, **reader, after_resource_);
    }
    return parked == 0 || full_ ? absl::OkStatus() : AddLanes(entry, **reader, "");
  }

  admin::v1::ListParkedResponse Take() { return std::move(page_); }

 private:
  absl::Status AddLanes(const AppEntry& entry, const AppReader& reader, std::string after) {
    ASSIGN_OR_RETURN(const auto directory, ReadDirectory(context_, entry.directory_id));
    while (true) {
      ASSIGN_OR_RETURN(const auto lanes, reader.Lanes({event::v1::PARKED}, after, kBatch));
      for (const Lane& lane : lanes) {
        ASSIGN_OR_RETURN(const bool matches, MatchesFilter(lane, request_.filter()));
        if (!matches) continue;
        if (page_.parked_size() == size_) {
          const ParkedLane& last = page_.parked(size_ - 1);
          page_.set_next_page_token(absl::StrCat(last.app_id(), "/", last.resource_id()));
          full_ = true;
          return absl::OkStatus();
        }
        ASSIGN_OR_RETURN(*page_.add_parked(), Describe(context_, entry, reader, *directory, lane));
      }
      if (lanes.size() < kBatch) return absl::OkStatus();
      after = lanes.back().resource_id;
    }
  }

  const AdminContext& context_;
  const admin::v1::ListParkedRequest& request_;
  const int size_;
  std::string after_app_;
  std::string after_resource_;
  bool reached_ = false;
  bool full_ = false;
  admin::v1::ListParkedResponse page_;
};

// Finds the lanes a request names, and releases them by one record an app.
class Release {
 public:
  Release(const AdminContext& context, const ReleaseParkedRequest& request,
          AppCommand::Action action)
      : context_(context), request_(request), action_(action), state_(context.control->state()) {}

  absl::StatusOr<ReleaseParkedResponse> Run(const Caller& caller) {
    RETURN_IF_ERROR(CheckRequest());
    ASSIGN_OR_RETURN(const auto apps, ChosenApps(*state_, request_.app()));
    if (request_.all()) {
      for (const AppEntry* entry : apps) RETURN_IF_ERROR(TakeAll(*entry));
    } else {
      for (const std::string& text : request_.resources()) RETURN_IF_ERROR(TakeOne(apps, text));
    }
    if (!request_.dry_run()) RETURN_IF_ERROR(Write(caller));
    return Answer();
  }

 private:
  absl::Status CheckRequest() const {
    if (request_.all() == !request_.resources().empty()) {
      return absl::InvalidArgumentError("name resources, or say all");
    }
    if (action_ == AppCommand::SKIP && request_.reason().empty() && !request_.dry_run()) {
      return absl::InvalidArgumentError("a skip needs a reason");
    }
    return absl::OkStatus();
  }

  bool MayRelease(LaneState state) const {
    if (state == event::v1::PARKED || state == event::v1::RETRYING) return true;
    return action_ == AppCommand::RETRY && state == event::v1::SKIPPED;
  }

  absl::Status TakeAll(const AppEntry& entry) {
    const auto reader = ReadApp(context_, entry.id);
    if (absl::IsUnavailable(reader.status())) return absl::OkStatus();
    RETURN_IF_ERROR(reader.status());
    std::string after;
    while (true) {
      ASSIGN_OR_RETURN(const auto lanes, (*reader)->Lanes({event::v1::PARKED}, after, kBatch));
      for (const Lane& lane : lanes) chosen_[entry.id].insert(lane.resource_id);
      if (lanes.size() < kBatch) return absl::OkStatus();
      after = lanes.back().resource_id;
    }
  }

  absl::Status TakeOne(const std::vector<const AppEntry*>& apps, const std::string& text) {
    bool known = false;
    bool taken = false;
    for (const AppEntry* entry : apps) {
      std::string id = text;
      const auto subject = FindSubject(context_, *state_, entry->directory_id, text);
      if (subject.ok()) {
        id = subject->subject.id();
        known = true;
      } else if (!absl::IsNotFound(subject.status())) {
        return subject.status();
      }
      ASSIGN_OR_RETURN(const auto reader, ReadApp(context_, entry->id));
      ASSIGN_OR_RETURN(const auto lane, reader->FindLane(id));
      if (!lane) continue;
      known = true;
      // Without an app, a lane that merely retries is not what was meant.
      if (!MayRelease(lane->state)) continue;
      if (request_.app().empty() && lane->state == event::v1::RETRYING) continue;
      chosen_[entry->id].insert(id);
      taken = true;
    }
    if (taken) return absl::OkStatus();
    if (!known) return absl::NotFoundError(absl::StrCat("nothing is known of \"", text, "\""));
    return absl::FailedPreconditionError(absl::StrCat("\"", text, "\" is not parked"));
  }

  absl::Status Write(const Caller& caller) const {
    const Wish wish = MakeWish(context_, caller, request_.request_id(), request_.reason());
    for (const auto& [app_id, resources] : chosen_) {
      AppCommand command;
      command.set_action(action_);
      for (const std::string& id : resources) command.add_resource_ids(id);
      RETURN_IF_ERROR(SubmitCommand(context_, wish, app_id, command).status());
    }
    return absl::OkStatus();
  }

  ReleaseParkedResponse Answer() const {
    ReleaseParkedResponse response;
    for (const auto& [app_id, resources] : chosen_) {
      for (const std::string& id : resources) {
        admin::v1::ReleasedLane* lane = response.add_released();
        lane->set_app(state_->apps.at(app_id).app.name());
        lane->set_resource_id(id);
      }
    }
    response.set_count(static_cast<uint32_t>(response.released_size()));
    return response;
  }

  const AdminContext& context_;
  const ReleaseParkedRequest& request_;
  const AppCommand::Action action_;
  const std::shared_ptr<const ControlState> state_;
  std::map<std::string, std::set<std::string>> chosen_;  // app id -> resources
};

}  // namespace

absl::StatusOr<admin::v1::ListParkedResponse> ListParked(
    const AdminContext& context, const Caller&, const admin::v1::ListParkedRequest& request) {
  const std::shared_ptr<const ControlState> state = context.control->state();
  ASSIGN_OR_RETURN(const auto apps, ChosenApps(*state, request.app()));
  PageOfParked page(context, request);
  for (const AppEntry* entry : apps) RETURN_IF_ERROR(page.AddApp(*entry));
  return page.Take();
}

absl::StatusOr<ReleaseParkedResponse> RetryParked(const AdminContext& context, const Caller& caller,
                                                  const ReleaseParkedRequest& request) {
  return Release(context, request, AppCommand::RETRY).Run(caller);
}

absl::StatusOr<ReleaseParkedResponse> SkipParked(const AdminContext& context, const Caller& caller,
                                                 const ReleaseParkedRequest& request) {
  return Release(context, request, AppCommand::SKIP).Run(caller);
}

}  // namespace purser
