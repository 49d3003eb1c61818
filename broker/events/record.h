// Records and their chain: the bytes that every engine stores alike.
//
//   [0,4)   magic "PRSR"
//   [4,5)   format, 0 until the first release
//   [5,37)  prev: self of the last valid record of the stream
//   [37,69) self: SHA-256 of magic, format, prev and all that follows self
//   [69,71) lowest reader, big-endian
//   [71,..) the envelope, serialised
//
// The first record's prev is SHA-256 of the stream's id. A record is valid if prev equals the head;
// else it is inert, for every reader for ever.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "broker/crypto/sha256.h"
#include "broker/events/stream_id.h"
#include "purser/event/v1/envelope.pb.h"

namespace purser {

// A record's ordinal among the valid ones of its stream; the first is 1, 0 is before it.
using StreamPosition = uint64_t;
// No record comes after it; SQLite's integers are signed.
inline constexpr StreamPosition kLastPosition = std::numeric_limits<int64_t>::max();

// What this program can fold; a record whose lowest reader is above it stops folding and writing.
// 2: UPGRADE_FINALIZED. What only a newer reader knows is written once ControlState::finalized says
// that it may be.
inline constexpr uint16_t kReaderRevision = 2;
// The reader that knows all kinds of the first format: what every record needs at least.
inline constexpr uint16_t kFirstReader = 1;

// Where a chain ends.
struct Head {
  StreamPosition position = 0;
  Sha256Hash self{};                       // SHA-256 of the stream's id while position is 0
  absl::Time time = absl::InfinitePast();  // log time of the last record

  bool operator==(const Head& other) const {
    return position == other.position && self == other.self;
  }
};

// The head of a stream that holds nothing.
Head EmptyHead(const StreamId& stream);

// One record as it is stored.
struct Record {
  std::string bytes;

  // Of bytes that ChainRecord() made or JudgeRecord() took for ours.
  Sha256Hash prev() const;
  Sha256Hash self() const;
};

// A valid record with its place.
struct StoredRecord {
  StreamPosition position = 0;
  std::string bytes;
};

// Chains `envelope` on `head` and moves `head` onto it. Sets the envelope's stream, version
// (the new position, where a resource is named), lowest reader where 0, and time: the later of
// `now` and the head's.
Record ChainRecord(const StreamId& stream, event::v1::Envelope envelope, absl::Time now,
                   Head* head);

// The envelope of a record that is known to be whole. DataLoss where it does not decode.
absl::StatusOr<event::v1::Envelope> DecodeRecord(absl::string_view bytes);

// The head of a stream whose last valid record is `bytes`, at `position`. DataLoss where it does
// not decode; its hash is not checked.
absl::StatusOr<Head> HeadAt(StreamPosition position, absl::string_view bytes);

// How a record stands to the head of its stream.
enum class Standing {
  kValid,    // prev equals the head
  kInert,    // whole, but chained on another head: a lost race
  kForeign,  // without our magic: not ours
};

// Tells how `bytes` stand to `head` and, where valid, moves `head` onto them. Where the record is
// valid or inert, `envelope` (unless null) holds what it says.
//
// DataLoss: damage (self is not the hash of its bytes, the envelope does not decode, another
// stream's record, a kind unknown though its lowest reader is not above ours).
// FailedPrecondition: its lowest reader is above ours; an older node stops here.
absl::StatusOr<Standing> JudgeRecord(const StreamId& stream, absl::string_view bytes, Head* head,
                                     event::v1::Envelope* envelope = nullptr);

}  // namespace purser
