#include "broker/cli/tables.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/cli/output.h"
#include "broker/cli/parse_time.h"

namespace purser {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string OrDash(const std::string& text) { return text.empty() ? "-" : text; }

std::string HealthOf(const admin::v1::AppStatus& app) {
  if (app.log_stopped()) return "log stopped";
  if (app.credentials_refused()) return "credentials refused";
  if (app.not_configured()) return "not configured";
  if (app.breaker_open()) return "breaker open";
  return "ok";
}

// "POST https://x/Users: sent userName; scimType uniqueness"
std::string RequestCell(const admin::v1::Exchange& exchange) {
  const std::string request = absl::StrCat(exchange.method(), " ", exchange.url());
  // Without an answer, why there is none.
  const std::string& what = exchange.http_status() == 0 ? exchange.message() : exchange.summary();
  return what.empty() ? request : absl::StrCat(request, ": ", what);
}

}  // namespace

std::string TimeCell(bool has, const google::protobuf::Timestamp& time) {
  return has ? FormatOperatorTime(absl::FromUnixSeconds(time.seconds())) : "-";
}

std::string AppliedTable(const admin::v1::ApplyResponse& response) {
  Rows rows;
  for (const auto& item : response.items()) {
    rows.push_back({item.kind(), item.name(), item.action()});
  }
  std::string text = FormatTable({"KIND", "NAME", "ACTION"}, rows);
  for (const auto& item : response.items()) {
    if (item.changes().empty()) continue;
    absl::StrAppend(&text, "\n", item.kind(), " ", item.name(), ":\n");
    for (const auto& change : item.changes()) {
      absl::StrAppend(&text, "  ", change.path(), ": ", OrDash(change.before()), " -> ",
                      OrDash(change.after()), "\n");
    }
  }
  return text;
}

std::string ImportTable(const admin::v1::ImportReport& report) {
  std::string text =
      absl::StrCat(report.dry_run() ? "nothing was changed; would be: " : "", report.created(),
                   " created, ", report.changed(), " changed, ", report.unchanged(), " unchanged, ",
                   report.refused(), " refused of ", report.lines(), " lines");
  if (report.incomplete() > 0) {
    absl::StrAppend(&text, "; ", report.incomplete(), " without some of their references");
  }
  text += "\n";
  if (report.refusals().empty()) return text;
  Rows rows;
  for (const auto& refusal : report.refusals()) {
    rows.push_back({absl::StrCat(refusal.file(), ":", refusal.line()), OrDash(refusal.field()),
                    refusal.message(), refusal.remedy()});
  }
  return absl::StrCat(text, "\n", FormatTable({"LINE", "FIELD", "WHY", "WHAT TO DO"}, rows));
}

std::string AppsTable(const admin::v1::ListAppsResponse& response) {
  Rows rows;
  for (const auto& app : response.apps()) {
    const auto& counts = app.counts();
    rows.push_back({app.name(), app.state(), OrDash(app.mode()), absl::StrCat(counts.users()),
                    absl::StrCat(counts.groups()), absl::StrCat(counts.pending()),
                    absl::StrCat(counts.retrying()), absl::StrCat(counts.parked()),
                    absl::StrCat(app.lag_events()), HealthOf(app)});
  }
  return FormatTable({"NAME", "STATE", "MODE", "USERS", "GROUPS", "PENDING", "RETRYING", "PARKED",
                      "LAG", "HEALTH"},
                     rows);
}

std::string AppStatusText(const admin::v1::AppStatus& app) {
  const auto& counts = app.counts();
  const auto& positions = app.positions();
  const Rows rows = {
      {"id", app.id()},
      {"state", app.state()},
      {"mode", OrDash(app.mode())},
      {"directory", app.directory()},
      {"template", OrDash(app.template_())},
      {"connector", OrDash(app.connector())},
      {"owner", OrDash(app.owner())},
      {"health", HealthOf(app)},
      {"trouble", OrDash(app.trouble())},
      {"linked", absl::StrCat(counts.users(), " users, ", counts.groups(), " groups")},
      {"lanes", absl::StrCat(counts.pending(), " pending, ", counts.retrying(), " retrying, ",
                             counts.waiting(), " waiting, ", counts.parked(), " parked, ",
                             counts.held(), " held, ", counts.skipped(), " skipped")},
      {"planned", absl::StrCat("event ", positions.planned_directory(), " of ",
                               positions.directory(), ", lag ", app.lag_events())},
      {"oldest pending", TimeCell(app.has_oldest_pending(), app.oldest_pending())},
      {"configuration", absl::StrCat("version ", app.config_version())},
  };
  return FormatTable({"app", app.name()}, rows);
}

std::string TimelineTable(const admin::v1::TimelineResponse& response) {
  Rows rows;
  for (const auto& entry : response.entries()) {
    std::string what = entry.summary();
    if (!entry.reason().empty()) absl::StrAppend(&what, " (", entry.reason(), ")");
    rows.push_back({TimeCell(entry.has_time(), entry.time()), entry.source(),
                    absl::StrCat(entry.position()), entry.kind(), OrDash(entry.actor()), what});
  }
  const auto& subject = response.subject();
  return absl::StrCat(subject.type(), " ", subject.id(), " ", subject.name(),
                      subject.deleted() ? " (deleted)" : "", "\n\n",
                      FormatTable({"TIME", "SOURCE", "POSITION", "KIND", "ACTOR", "WHAT"}, rows));
}

std::string ExplanationText(const admin::v1::ExplainResponse& response) {
  std::string text;
  for (const auto& step : response.steps()) {
    absl::StrAppend(&text, step.verdict() == "pass" ? "  " : "! ", step.step(), ": ",
                    step.summary(), "\n");
    for (const std::string& detail : step.details()) {
      absl::StrAppend(&text, "      ", detail, "\n");
    }
  }
  absl::StrAppend(&text, "\n", response.conclusion(), "\n");
  if (!response.what_would_change_it().empty()) {
    absl::StrAppend(&text, "\nWhat would change it:\n");
    for (const std::string& remedy : response.what_would_change_it()) {
      absl::StrAppend(&text, "- ", remedy, "\n");
    }
  }
  return text;
}

std::string ParkedTable(const admin::v1::ListParkedResponse& response) {
  Rows rows;
  for (const auto& lane : response.parked()) {
    rows.push_back({lane.app(), lane.resource_id(), OrDash(lane.user_name()),
                    TimeCell(lane.has_since(), lane.since()), absl::StrCat(lane.tries()),
                    lane.http_status() == 0 ? "-" : absl::StrCat(lane.http_status()),
                    OrDash(lane.code()), lane.message(),
                    lane.has_exchange() ? RequestCell(lane.exchange()) : "-"});
  }
  return FormatTable(
      {"APP", "RESOURCE", "NAME", "SINCE", "TRIES", "HTTP", "CODE", "MESSAGE", "EXCHANGE"}, rows);
}

std::string RequestsTable(const admin::v1::ListRequestsResponse& response) {
  Rows rows;
  for (const auto& request : response.requests()) {
    const std::string& subject =
        request.user_name().empty() ? request.resource_id() : request.user_name();
    rows.push_back({TimeCell(request.has_time(), request.time()),
                    absl::StrCat(request.method(), " ", request.path()), OrDash(subject),
                    absl::StrCat(request.http_status()), OrDash(request.reason()),
                    OrDash(request.token_id()), request.message()});
  }
  return FormatTable({"TIME", "REQUEST", "ABOUT", "HTTP", "REASON", "TOKEN", "WHY"}, rows);
}

std::string DeliveriesTable(const admin::v1::ListDeliveriesResponse& response) {
  Rows rows;
  for (const auto& exchange : response.exchanges()) {
    const std::string status =
        exchange.http_status() == 0 ? "-" : absl::StrCat(exchange.http_status());
    rows.push_back({TimeCell(exchange.has_time(), exchange.time()), OrDash(exchange.resource_id()),
                    exchange.verb(), status, exchange.verdict(),
                    absl::StrCat(exchange.duration_ms()), RequestCell(exchange)});
  }
  return FormatTable({"TIME", "RESOURCE", "CALL", "HTTP", "VERDICT", "MS", "EXCHANGE"}, rows);
}

std::string JobsTable(const admin::v1::ListJobsResponse& response) {
  Rows rows;
  for (const auto& job : response.jobs()) {
    rows.push_back({job.id(), job.app(), job.kind(), job.state(),
                    absl::StrCat(job.done(), "/", job.total()), absl::StrCat(job.sent()),
                    TimeCell(job.has_asked(), job.asked()), OrDash(job.actor()), job.reason()});
  }
  return FormatTable({"JOB", "APP", "KIND", "STATE", "DONE", "SENT", "ASKED", "BY", "REASON"},
                     rows);
}

std::string JobLine(const admin::v1::Job& job) {
  std::string text = absl::StrCat(job.kind(), " ", job.id(), " of ", job.app(), ": ", job.state());
  if (job.total() > 0) {
    absl::StrAppend(&text, ", ", job.done(), " of ", job.total(), " looked at, ", job.sent(),
                    job.dry_run() ? " would be sent something" : " sent");
  }
  if (!job.message().empty()) absl::StrAppend(&text, ": ", job.message());
  return text;
}

std::string PlannedText(const admin::v1::ListPlannedResponse& response) {
  Rows rows;
  for (const auto& change : response.changes()) {
    std::vector<std::string> what(change.targets().begin(), change.targets().end());
    if (change.members_added() > 0) what.push_back(absl::StrCat("+", change.members_added()));
    if (change.members_removed() > 0) what.push_back(absl::StrCat("-", change.members_removed()));
    if (!change.message().empty()) what.push_back(change.message());
    const auto& subject = change.subject();
    rows.push_back({subject.type(), subject.name().empty() ? subject.id() : subject.name(),
                    OrDash(change.operation()), OrDash(absl::StrJoin(what, ", "))});
  }
  const std::string table =
      rows.empty() ? "" : FormatTable({"TYPE", "NAME", "OPERATION", "WHAT"}, rows) + "\n";
  return absl::StrCat(table, JobLine(response.job()), "\n");
}

std::string TokensTable(const admin::v1::ListTokensResponse& response) {
  Rows rows;
  for (const auto& token : response.tokens()) {
    const std::string expires = token.has_expires() ? TimeCell(true, token.expires()) : "never";
    rows.push_back({token.id(), token.role(), expires, token.expired() ? "expired" : "live",
                    OrDash(token.user_id())});
  }
  return FormatTable({"TOKEN", "ROLE", "EXPIRES", "STATE", "USER"}, rows);
}

std::string UpgradeText(const admin::v1::UpgradeStatus& status) {
  Rows rows;
  bool older = false;
  for (const auto& node : status.nodes()) {
    rows.push_back({node.id(), OrDash(node.version()), absl::StrCat(node.reader()),
                    OrDash(absl::StrJoin(node.parts(), ", "))});
    older |= node.reader() < status.reader();
  }
  const bool done = status.finalized() >= status.reader();
  const std::string next =
      done    ? absl::StrCat("finalized: records may need reader ", status.finalized())
      : older ? "not finalized: older programs still run"
              : absl::StrCat("not finalized: records need reader ", status.finalized(),
                             " at most; once every node is upgraded: purser upgrade finalize");
  return absl::StrCat(FormatTable({"NODE", "VERSION", "READER", "PARTS"}, rows), "\n", next, "\n");
}

namespace {

// A chain may be whole here, and its topic not what it was.
std::string ChainWord(const admin::v1::StreamReport& stream) {
  if (stream.ok()) return "ok";
  return stream.first_bad() == 0 ? "STOPPED" : absl::StrCat("BAD at ", stream.first_bad());
}

}  // namespace

std::string ModelTable(const admin::v1::ListModelsResponse& listed) {
  Rows rows;
  for (const admin::v1::Model& model : listed.models()) {
    rows.push_back({model.stream(), OrDash(model.name()), absl::StrCat(model.position()),
                    absl::StrCat(model.end()), absl::StrCat(model.read()),
                    absl::StrCat(model.to_read())});
  }
  return absl::StrCat(FormatTable({"STREAM", "NAME", "POSITION", "END", "READ", "TO READ"}, rows),
                      "\nbuilt: ", static_cast<int>(100 * listed.built()), "%\n");
}

std::string CompareTable(const admin::v1::CompareModelsReport& report) {
  Rows rows;
  for (const admin::v1::ComparedModel& model : report.models()) {
    for (const admin::v1::NodeDigest& node : model.nodes()) {
      rows.push_back({model.stream(), OrDash(model.name()), absl::StrCat(model.position()),
                      model.equal() ? "equal" : "DIFFERS", node.node(),
                      node.digest().substr(0, 16)});
    }
  }
  return FormatTable({"STREAM", "NAME", "POSITION", "MODEL", "NODE", "DIGEST"}, rows);
}

std::string VerifyTable(const admin::v1::VerifyLogReport& report) {
  Rows rows;
  for (const auto& stream : report.streams()) {
    rows.push_back({stream.stream(), OrDash(stream.name()), absl::StrCat(stream.records()),
                    ChainWord(stream), stream.head().substr(0, 16)});
  }
  std::string text = FormatTable({"STREAM", "NAME", "RECORDS", "CHAIN", "HEAD"}, rows);
  for (const auto& stream : report.streams()) {
    if (stream.ok()) continue;
    absl::StrAppend(&text, "\n", stream.problem(), "\n  ", stream.remedy(), "\n");
  }
  return text;
}

}  // namespace purser
