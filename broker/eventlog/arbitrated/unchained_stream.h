// A stream without a chain: exchanges, heartbeats. Best effort; a record that is gone is skipped.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "broker/eventlog/arbitrated/stream_reader.h"

namespace purser {

class UnchainedStream : public StreamReader {
 public:
  // `last`: the ordinal of the last record that was kept here.
  UnchainedStream(const StreamId& stream, StreamContext context, StreamPosition last,
                  StreamPlace place);

  // FailedPrecondition: there is no chain to append to.
  void Append(const Head& expected_head, std::vector<Record> records, AppendDone done) override;

  // Sends `bytes`; false where the transport takes no more. `lost` is called later, on any thread,
  // where they did not arrive.
  bool Send(std::string bytes, std::function<void()> lost);

 protected:
  void CheckPlace() override { PlaceIsGood(); }
  void OnRecord(int64_t offset, std::string bytes) override;
  void FitInto(const Watermarks& watermarks) override;
  void PlaceIsDoubtful() override { AskForPlace(); }
  void OnSettings(absl::Status) override {}
  bool may_create() const override { return true; }
};

}  // namespace purser
