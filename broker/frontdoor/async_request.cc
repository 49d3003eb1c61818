#include "broker/frontdoor/async_request.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/events/sealing.h"
#include "purser/event/v1/directory.pb.h"

namespace purser {
namespace {

constexpr size_t kRecordsInRead = 256;
constexpr size_t kBytesInRead = 1u << 20;

absl::StatusOr<scim::BulkAnswer> AnswerIn(const StoredRecord& record) {
  ASSIGN_OR_RETURN(const event::v1::Envelope envelope, DecodeRecord(record.bytes));
  ASSIGN_OR_RETURN(const std::string opened, Open(envelope.key_id(), envelope.payload()));
  event::v1::RequestCompleted completed;
  if (envelope.kind() != event::v1::REQUEST_COMPLETED || !completed.ParseFromString(opened)) {
    return absl::DataLossError(absl::StrCat("record ", record.position, " is no completion"));
  }
  return scim::BulkAnswer{.location = completed.location(),
                          .method = completed.method(),
                          .bulk_id = completed.bulk_id(),
                          .version = completed.version(),
                          .status = static_cast<int>(completed.status()),
                          .response = completed.response()};
}

}  // namespace

event::v1::Envelope CompletionOf(const ScimRequest& request, size_t place,
                                 const scim::BulkResult& result, IdSource* ids, absl::Time at) {
  const scim::BulkOperation& operation = *result.operation;
  scim::BulkAnswer answer = scim::AnswerOf(result);
  event::v1::RequestCompleted completed;
  completed.set_operation(static_cast<uint32_t>(place));
  completed.set_bulk(request.is_bulk());
  completed.set_method(std::move(answer.method));
  completed.set_bulk_id(std::move(answer.bulk_id));
  completed.set_location(std::move(answer.location));
  completed.set_version(answer.version);
  completed.set_status(static_cast<uint32_t>(answer.status));
  completed.set_response(std::move(answer.response));
  event::v1::Envelope envelope = EnvelopeOf(request);
  envelope.set_event_id(ids->NewId(at));
  envelope.set_kind(event::v1::REQUEST_COMPLETED);
  if (operation.schema != nullptr) {
    envelope.set_resource_type(operation.schema->type);
    envelope.set_resource_id(operation.id);
  }
  SealedPayload sealed = Seal(operation.id, completed.SerializeAsString());
  envelope.set_key_id(std::move(sealed.key_id));
  envelope.set_payload(std::move(sealed.bytes));
  return envelope;
}

http::Response AcceptedResponse(const ScimRequest& request) {
  http::Response response{.status = 202};
  response.headers = {
      {"Set-Txn", request.request_id},
      {"Preference-Applied", "respond-async"},
      {"Location", absl::StrCat(request.base_url, "/Transactions/", request.request_id)}};
  return response;
}

absl::StatusOr<std::vector<scim::BulkAnswer>> ReadCompletions(
    const EventLog& log, const StreamId& stream, const std::vector<StreamPosition>& positions) {
  std::vector<scim::BulkAnswer> answers;
  std::vector<StoredRecord> read;
  for (const StreamPosition position : positions) {
    if (read.empty() || read.back().position < position) {
      ASSIGN_OR_RETURN(read, log.Read(stream, position - 1, kRecordsInRead, kBytesInRead));
    }
    const size_t place = read.empty() ? 0 : position - read.front().position;
    if (place >= read.size()) return absl::DataLossError("a record is not where it was");
    ASSIGN_OR_RETURN(scim::BulkAnswer answer, AnswerIn(read[place]));
    answers.push_back(std::move(answer));
  }
  return answers;
}

}  // namespace purser
