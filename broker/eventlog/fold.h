// The state that a stream's records make, as its writer sees it.
#pragma once

#include "absl/status/status.h"
#include "broker/events/record.h"
#include "purser/event/v1/envelope.pb.h"

namespace purser {

inline absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}
inline void SetTime(absl::Time time, google::protobuf::Timestamp* out) {
  const int64_t nanos = absl::ToUnixNanos(time);
  out->set_seconds(absl::ToUnixSeconds(time));
  out->set_nanos(static_cast<int32_t>(nanos - absl::ToUnixSeconds(time) * 1'000'000'000));
}

// Between Begin() and Commit() or Rollback() records may be applied that are not yet valid, so that
// the decisions of one group see each other. One thread.
// Implementations: the projections.
class Fold {
 public:
  virtual ~Fold() = default;

  // Where the fold stands, what Begin() opened included.
  virtual const Head& head() const = 0;

  virtual absl::Status Begin() = 0;
  // Folds one record, whose place is the next one. `envelope` is the record's; where that ends a
  // run of chunks, with the whole payload, and a chunk itself moves the head alone. DataLoss for a
  // payload that does not decode.
  virtual absl::Status Apply(const Record& record, const event::v1::Envelope& envelope) = 0;
  // Keeps the state together with its head. ResourceExhausted where the disk is full: nothing is
  // kept, and the same records may be applied again later.
  virtual absl::Status Commit() = 0;
  // Back to the last Commit().
  virtual void Rollback() = 0;
};

// The head after `record`, whose envelope is `envelope`, on `head`.
inline Head AdvancedHead(const Head& head, const Record& record,
                         const event::v1::Envelope& envelope) {
  return {head.position + 1, record.self(), ToTime(envelope.time())};
}

}  // namespace purser
