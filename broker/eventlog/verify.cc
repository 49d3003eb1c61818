#include "broker/eventlog/verify.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"

namespace purser {
namespace {

constexpr size_t kRunRecords = 1000;
constexpr size_t kRunBytes = 4 << 20;

std::string Place(const StreamId& stream, StreamPosition position) {
  return absl::StrCat("stream ", stream.ToString(), ", position ", position);
}

absl::Status CheckOne(const StreamId& stream, const StoredRecord& record, Head* head,
                      event::v1::Envelope* envelope) {
  const StreamPosition expected = head->position + 1;
  if (record.position != expected) {
    return absl::DataLossError(absl::StrCat(Place(stream, expected),
                                            ": the record is missing; the next one here is ",
                                            record.position));
  }
  auto standing = JudgeRecord(stream, record.bytes, head, envelope);
  if (!standing.ok()) return Annotate(standing.status(), Place(stream, expected));
  if (*standing == Standing::kValid) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(Place(stream, expected), *standing == Standing::kInert
                                                ? ": it does not chain on the record before it"
                                                : ": it is no record of ours"));
}

BadRecord Bad(const Head& head, const absl::Status& why) {
  BadRecord bad{.position = head.position + 1, .what = std::string(why.message())};
  if (absl::IsFailedPrecondition(why)) {
    bad.remedy = "run the newer purser that wrote it";
  } else {
    bad.remedy = absl::StrCat("stop purser and restore the log from a backup; ",
                              head.position == 0 ? "no record of the stream is whole"
                                                 : absl::StrCat("the records up to position ",
                                                                head.position, " are whole"));
  }
  return bad;
}

bool IsAboutTheRecords(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsFailedPrecondition(status);
}

}  // namespace

absl::Status CheckRun(const StreamId& stream, absl::Span<const StoredRecord> records, Head* head,
                      event::v1::Envelope* last) {
  for (const StoredRecord& record : records) {
    RETURN_IF_ERROR(CheckOne(stream, record, head, last));
  }
  return absl::OkStatus();
}

absl::Status MissingTail(const StreamId& stream, const Head& head, StreamPosition expected) {
  return absl::DataLossError(
      absl::StrCat(Place(stream, head.position + 1),
                   ": the record is missing; the stream goes on to position ", expected));
}

absl::StatusOr<StreamReport> VerifyStream(const StreamId& stream, StreamPosition end,
                                          const ReadRun& read, const VerifyProgress& progress) {
  StreamReport report{.stream = stream, .head = EmptyHead(stream)};
  while (true) {
    auto run = read(report.head.position, kRunRecords, kRunBytes);
    absl::Status status = run.status();
    if (run.ok()) {
      if (run->empty() && report.head.position >= end) return report;
      status = run->empty() ? MissingTail(stream, report.head, end)
                            : CheckRun(stream, *run, &report.head);
    } else if (!IsAboutTheRecords(status)) {
      return status;
    }
    if (!status.ok()) {
      report.bad = Bad(report.head, status);
      return report;
    }
    if (progress && !progress(stream, report.head.position)) {
      return absl::CancelledError(absl::StrCat("verify stream ", stream.ToString()));
    }
  }
}

absl::StatusOr<StreamReport> VerifyStream(const EventLog& log, const StreamId& stream,
                                          const VerifyProgress& progress) {
  ASSIGN_OR_RETURN(const Head end, log.KnownHead(stream));
  return VerifyStream(
      stream, end.position,
      [&](StreamPosition after, size_t max_records, size_t max_bytes) {
        return log.Read(stream, after, max_records, max_bytes);
      },
      progress);
}

}  // namespace purser
