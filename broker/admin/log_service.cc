#include "broker/admin/log_service.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "broker/admin/lookup.h"
#include "broker/base/status.h"

namespace purser {
namespace {

struct NamedStream {
  StreamId stream;
  std::string name;
};

std::vector<NamedStream> AllStreams(const ControlState& state) {
  std::vector<NamedStream> streams = {{StreamId::Control(), ""}};
  for (const auto& [id, entry] : state.directories) {
    streams.push_back({StreamId::Directory(id), entry.directory.name()});
  }
  for (const auto& [id, entry] : state.apps) {
    streams.push_back({StreamId::App(id), entry.app.name()});
  }
  return streams;
}

absl::StatusOr<std::vector<NamedStream>> ChosenStreams(const ControlState& state,
                                                       const admin::v1::VerifyLogRequest& request) {
  std::vector<NamedStream> all = AllStreams(state);
  if (request.streams().empty()) return all;
  std::vector<NamedStream> chosen;
  for (const std::string& text : request.streams()) {
    ASSIGN_OR_RETURN(const StreamId stream, StreamId::Parse(text));
    const size_t before = chosen.size();
    for (const NamedStream& named : all) {
      if (named.stream == stream) chosen.push_back(named);
    }
    if (chosen.size() == before) {
      return absl::NotFoundError(absl::StrCat("there is no chained stream ", text));
    }
  }
  return chosen;
}

}  // namespace

admin::v1::StreamReport ToProto(const StreamReport& report, const std::string& name) {
  admin::v1::StreamReport out;
  out.set_stream(report.stream.ToString());
  out.set_name(name);
  out.set_ok(!report.bad.has_value());
  out.set_records(report.head.position);
  out.set_head(absl::BytesToHexString(AsBytes(report.head.self)));
  if (report.head.position > 0) SetTimestamp(report.head.time, out.mutable_head_time());
  if (report.bad) {
    out.set_first_bad(report.bad->position);
    out.set_problem(report.bad->what);
    out.set_remedy(report.bad->remedy);
  }
  return out;
}

void AddTrouble(const EventLog& log, const StreamId& stream, admin::v1::StreamReport* report) {
  if (!report->ok()) return;
  for (const StreamStanding& standing : log.Standings()) {
    const StreamTrouble trouble = standing.trouble;
    if (!(standing.stream == stream) || trouble == StreamTrouble::kNone) continue;
    if (trouble == StreamTrouble::kMoved) continue;  // it is whole
    report->set_ok(false);
    report->set_problem(std::string(standing.health.message()));
    report->set_remedy(std::string(RemedyOf(trouble)));
  }
}

absl::Status VerifyLog(const AdminContext& context, const Caller&,
                       const admin::v1::VerifyLogRequest& request,
                       const std::function<bool(const admin::v1::VerifyLogUpdate&)>& send) {
  const std::shared_ptr<const ControlState> state = context.control->state();
  ASSIGN_OR_RETURN(const auto streams, ChosenStreams(*state, request));
  for (const NamedStream& named : streams) {
    if (absl::IsNotFound(context.log->KnownHead(named.stream).status())) continue;
    const auto progress = [&send](const StreamId& stream, StreamPosition position) {
      admin::v1::VerifyLogUpdate update;
      update.set_stream(stream.ToString());
      update.set_position(position);
      return send(update);
    };
    ASSIGN_OR_RETURN(const StreamReport report, VerifyStream(*context.log, named.stream, progress));
    admin::v1::VerifyLogUpdate update;
    update.set_stream(named.stream.ToString());
    update.set_position(report.head.position);
    *update.mutable_report() = ToProto(report, named.name);
    AddTrouble(*context.log, named.stream, update.mutable_report());
    if (!send(update)) return absl::CancelledError("the caller is gone");
  }
  return absl::OkStatus();
}

}  // namespace purser
