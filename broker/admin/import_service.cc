#include "broker/admin/import_service.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/admin/import_batch.h"
#include "broker/admin/import_line.h"
#include "broker/admin/lookup.h"
#include "broker/admin/writing.h"
#include "broker/base/mutex.h"
#include "broker/base/status.h"
#include "broker/scim/error.h"
#include "broker/scim/path.h"

namespace purser {
namespace {

using admin::v1::ImportOutcome;
using admin::v1::PutLinesRequest;
using admin::v1::PutLinesResponse;

constexpr int kMaxLines = 256;
constexpr absl::Duration kReadWithin = absl::Seconds(5);

// Outlives the caller where the answer comes after the caller has given up.
struct Settled {
  Mutex mutex;
  CondVar arrived;
  std::optional<absl::Status> status ABSL_GUARDED_BY(mutex);
};

// Waits for what `start` is given to call.
absl::Status Await(const AdminContext& context, absl::Duration within,
                   const std::function<void(std::function<void(absl::Status)>)>& start) {
  auto settled = std::make_shared<Settled>();
  start([settled](absl::Status status) {
    MutexLock lock(&settled->mutex);
    settled->status = std::move(status);
    settled->arrived.NotifyAll();
  });
  const absl::Duration until = context.clock->SinceBoot() + within + absl::Seconds(1);
  MutexLock lock(&settled->mutex);
  while (!settled->status && context.clock->SinceBoot() < until) {
    settled->arrived.WaitFor(&settled->mutex, absl::Milliseconds(100));
  }
  if (settled->status) return *settled->status;
  return absl::UnavailableError("the log did not answer in time: the lines may stand or not");
}

// What the message names in quotes, where that is an attribute.
std::string FieldOf(const scim::ErrorAnswer& error) {
  const size_t begin = error.detail.find('"');
  if (begin != std::string::npos) {
    const size_t end = error.detail.find('"', begin + 1);
    const std::string name = error.detail.substr(begin + 1, end - begin - 1);
    if (end != std::string::npos && scim::IsAttributeName(name)) return name;
  }
  return error.type == scim::ErrorType::kUniqueness ? "userName" : "";
}

std::string RemedyOf(const scim::ErrorAnswer& error) {
  if (error.http_status == 413) return "split it, or leave attributes out";
  if (error.http_status == 404) return "it was deleted meanwhile: import the file again";
  if (error.http_status >= 500) return "import the file again";
  if (error.type == scim::ErrorType::kUniqueness) {
    return "give it a name or an externalId that tells it from the others";
  }
  if (error.type == scim::ErrorType::kInvalidSyntax) return "mend the JSON";
  return "mend the value, or leave the attribute out";
}

ImportOutcome ToProto(const LineOutcome& outcome) {
  ImportOutcome out;
  out.set_id(outcome.id);
  if (outcome.error.ok()) {
    out.set_action(outcome.created ? "created" : outcome.changed ? "changed" : "unchanged");
    return out;
  }
  const scim::ErrorAnswer error = scim::ToErrorAnswer(outcome.error);
  const absl::string_view type = scim::ErrorTypeName(error.type);
  out.set_action("refused");
  out.set_reason(type.empty() ? absl::StrCat(error.http_status) : std::string(type));
  out.set_field(FieldOf(error));
  out.set_message(error.detail);
  out.set_remedy(RemedyOf(error));
  return out;
}

absl::StatusOr<const DirectoryEntry*> DirectoryAskedFor(const ControlState& state,
                                                        const std::string& named) {
  if (!named.empty()) return FindDirectory(state, named);
  if (state.directories.size() == 1) return &state.directories.begin()->second;
  return absl::InvalidArgumentError("there are several directories: name one");
}

std::vector<LineToImport> ReadLines(const AdminContext& context, const PutLinesRequest& request,
                                    const DirectoryEntry& entry) {
  const auto& configured = entry.directory.clear_values();
  const scim::ClearValues clear(configured.begin(), configured.end());
  std::vector<LineToImport> lines;
  for (const admin::v1::ImportLine& line : request.lines()) {
    std::string new_id = context.ids->NewId(context.clock->Now());
    lines.push_back(ReadImportLine(line, std::move(new_id), entry.schemas, clear));
  }
  return lines;
}

event::v1::Envelope By(const Wish& wish) {
  event::v1::Envelope by;
  by.set_actor(wish.actor);
  by.set_request_id(wish.request_id);
  by.set_reason(wish.reason);
  return by;
}

absl::Status Run(const AdminContext& context, bool dry_run, DirectoryService* service,
                 const std::shared_ptr<ImportBatch>& batch) {
  if (!dry_run) {
    const absl::Duration deadline = context.clock->SinceBoot() + kWriteDeadline;
    return Await(context, kWriteDeadline, [&](auto done) { batch->Write(deadline, done); });
  }
  RETURN_IF_ERROR(
      Await(context, kReadWithin, [&](auto done) { service->WhenCurrent(kReadWithin, done); }));
  ASSIGN_OR_RETURN(const auto reader, service->readers().Take());
  batch->Try(*reader, context.clock->Now());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<admin::v1::CheckPathsResponse> CheckPaths(
    const AdminContext& context, const Caller&, const admin::v1::CheckPathsRequest& request) {
  const std::shared_ptr<const ControlState> state = context.control->state();
  ASSIGN_OR_RETURN(const DirectoryEntry* entry, DirectoryAskedFor(*state, request.directory()));
  const scim::ResourceSchema* schema = SchemaOfWord(*entry->schemas, request.type());
  if (schema == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", request.type(), "\" is no type: user or group"));
  }
  admin::v1::CheckPathsResponse response;
  for (const std::string& path : request.paths()) {
    const absl::Status parsed = scim::ParsePath(*schema, path).status();
    response.add_errors(parsed.ok() ? "" : scim::ToErrorAnswer(parsed).detail);
  }
  return response;
}

absl::StatusOr<PutLinesResponse> PutLines(const AdminContext& context, const Caller& caller,
                                          const PutLinesRequest& request) {
  if (request.lines_size() > kMaxLines) {
    return absl::InvalidArgumentError(absl::StrCat("more than ", kMaxLines, " lines in a call"));
  }
  const std::shared_ptr<const ControlState> state = context.control->state();
  ASSIGN_OR_RETURN(const DirectoryEntry* entry, DirectoryAskedFor(*state, request.directory()));
  DirectoryService* service = context.services(entry->id);
  if (service == nullptr) {
    return absl::UnavailableError("the directory is not open yet: try again");
  }
  const Wish wish = MakeWish(context, caller, request.request_id(), request.reason());
  auto batch = std::make_shared<ImportBatch>(
      ReadLines(context, request, *entry), request.keep_existing(), By(wish), service, context.ids);
  RETURN_IF_ERROR(Run(context, request.dry_run(), service, batch));
  PutLinesResponse response;
  for (const LineOutcome& outcome : batch->outcomes()) *response.add_outcomes() = ToProto(outcome);
  return response;
}

}  // namespace purser
