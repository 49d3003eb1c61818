#include "broker/eventlog/arbitrated/unchained_stream.h"

#include <utility>

namespace purser {

UnchainedStream::UnchainedStream(const StreamId& stream, StreamContext context, StreamPosition last,
                                 StreamPlace place)
    : StreamReader(stream, std::move(context)) {
  head_.position = last;
  place_ = place;
}

void UnchainedStream::Append(const Head&, std::vector<Record>, AppendDone done) {
  Complete([done = std::move(done)] {
    done({.status = absl::FailedPreconditionError("the stream has no chain to append to")});
  });
}

bool UnchainedStream::Send(std::string bytes, std::function<void()> lost) {
  if (!reading()) return false;  // its topic may not be there yet
  std::vector<std::string> records;
  records.push_back(std::move(bytes));
  return context_.transport
      ->Produce(stream_, std::move(records),
                [lost = std::move(lost)](size_t, const ProduceReport& report) {
                  if (!report.status.ok()) lost();
                })
      .ok();
}

void UnchainedStream::OnRecord(int64_t offset, std::string bytes) {
  ++head_.position;
  Keep(std::move(bytes));
  MoveTo(offset + 1);
}

void UnchainedStream::FitInto(const Watermarks& watermarks) {
  const bool inside = place_.next_offset >= watermarks.low && place_.next_offset <= watermarks.high;
  if (!inside) MoveTo(watermarks.low);
}

}  // namespace purser
