#include "broker/events/record.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"

namespace purser {
namespace {

using event::v1::Envelope;

constexpr absl::string_view kMagic = "PRSR";
constexpr char kFormat = 0;
constexpr size_t kFormatAt = 4;
constexpr size_t kPrevAt = 5;
constexpr size_t kSelfAt = 37;
constexpr size_t kLowestReaderAt = 69;
constexpr size_t kEnvelopeAt = 71;

Sha256Hash HashAt(absl::string_view bytes, size_t at) {
  Sha256Hash hash;
  std::memcpy(hash.data(), bytes.data() + at, hash.size());
  return hash;
}

Sha256Hash SelfOf(absl::string_view bytes) {
  return Sha256({bytes.substr(0, kSelfAt), bytes.substr(kLowestReaderAt)});
}

uint16_t LowestReaderOf(absl::string_view bytes) {
  return static_cast<uint16_t>(static_cast<unsigned char>(bytes[kLowestReaderAt]) << 8 |
                               static_cast<unsigned char>(bytes[kLowestReaderAt + 1]));
}

absl::Time TimeOf(const Envelope& envelope) {
  return absl::FromUnixSeconds(envelope.time().seconds()) +
         absl::Nanoseconds(envelope.time().nanos());
}

void SetTime(absl::Time time, Envelope* envelope) {
  const absl::Time second = absl::FromUnixSeconds(absl::ToUnixSeconds(time));
  envelope->mutable_time()->set_seconds(absl::ToUnixSeconds(time));
  envelope->mutable_time()->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - second)));
}

absl::Status Damage(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("damaged record: ", what));
}

// What a record with our magic is before its envelope is looked at.
absl::Status CheckFrame(absl::string_view bytes) {
  if (bytes.size() < kEnvelopeAt) return Damage("it is cut short");
  if (SelfOf(bytes) != HashAt(bytes, kSelfAt)) return Damage("self is not the hash of its bytes");
  if (LowestReaderOf(bytes) > kReaderRevision) {
    return absl::FailedPreconditionError(
        absl::StrCat("the record needs reader ", LowestReaderOf(bytes), ", this program is reader ",
                     kReaderRevision, ": upgrade this node"));
  }
  if (bytes[kFormatAt] != kFormat) {
    return Damage(absl::StrCat("format ", static_cast<unsigned char>(bytes[kFormatAt]),
                               " is unknown, though its lowest reader is not above ours"));
  }
  return absl::OkStatus();
}

absl::Status CheckEnvelope(absl::string_view stream, absl::string_view bytes,
                           const Envelope& envelope) {
  if (envelope.stream() != stream) {
    return Damage(absl::StrCat("it belongs to stream ", envelope.stream()));
  }
  if (!event::v1::Kind_IsValid(envelope.kind()) || envelope.kind() == event::v1::KIND_UNSPECIFIED) {
    return Damage(absl::StrCat("kind ", static_cast<int>(envelope.kind()),
                               " is unknown, though its lowest reader is not above ours"));
  }
  if (envelope.lowest_reader() != LowestReaderOf(bytes)) {
    return Damage("its envelope names another lowest reader");
  }
  return absl::OkStatus();
}

bool ParseEnvelope(absl::string_view bytes, Envelope* envelope) {
  return envelope->ParseFromArray(bytes.data() + kEnvelopeAt,
                                  static_cast<int>(bytes.size() - kEnvelopeAt));
}

}  // namespace

Sha256Hash Record::prev() const { return HashAt(bytes, kPrevAt); }

Sha256Hash Record::self() const { return HashAt(bytes, kSelfAt); }

Head EmptyHead(const StreamId& stream) { return {.self = Sha256(stream.ToString())}; }

Record ChainRecord(const StreamId& stream, Envelope envelope, absl::Time now, Head* head) {
  envelope.set_stream(stream.ToString());
  if (!envelope.resource_id().empty()) envelope.set_resource_version(head->position + 1);
  if (envelope.lowest_reader() == 0) envelope.set_lowest_reader(kFirstReader);
  SetTime(std::max(now, head->time), &envelope);

  Record record;
  record.bytes.reserve(kEnvelopeAt + envelope.ByteSizeLong());
  record.bytes.append(kMagic.data(), kMagic.size());
  record.bytes.push_back(kFormat);
  record.bytes.append(reinterpret_cast<const char*>(head->self.data()), head->self.size());
  record.bytes.append(head->self.size(), '\0');  // self, once its bytes are here
  record.bytes.push_back(static_cast<char>(envelope.lowest_reader() >> 8 & 0xff));
  record.bytes.push_back(static_cast<char>(envelope.lowest_reader() & 0xff));
  envelope.AppendToString(&record.bytes);

  *head = {head->position + 1, SelfOf(record.bytes), TimeOf(envelope)};
  std::memcpy(record.bytes.data() + kSelfAt, head->self.data(), head->self.size());
  return record;
}

absl::StatusOr<Envelope> DecodeRecord(absl::string_view bytes) {
  Envelope envelope;
  if (bytes.size() < kEnvelopeAt || !ParseEnvelope(bytes, &envelope)) {
    return Damage("its envelope does not decode");
  }
  return envelope;
}

absl::StatusOr<Standing> JudgeRecord(const StreamId& stream, absl::string_view bytes, Head* head,
                                     Envelope* envelope) {
  if (bytes.substr(0, kMagic.size()) != kMagic) return Standing::kForeign;
  RETURN_IF_ERROR(CheckFrame(bytes));
  // One a thread: parsing into it again allocates nothing.
  thread_local Envelope scratch;
  if (envelope == nullptr) envelope = &scratch;
  if (!ParseEnvelope(bytes, envelope)) return Damage("its envelope does not decode");
  RETURN_IF_ERROR(CheckEnvelope(stream.ToString(), bytes, *envelope));
  if (HashAt(bytes, kPrevAt) != head->self) return Standing::kInert;
  *head = {head->position + 1, HashAt(bytes, kSelfAt), std::max(head->time, TimeOf(*envelope))};
  return Standing::kValid;
}

absl::StatusOr<Head> HeadAt(StreamPosition position, absl::string_view bytes) {
  ASSIGN_OR_RETURN(const Envelope envelope, DecodeRecord(bytes));
  return Head{position, HashAt(bytes, kSelfAt), TimeOf(envelope)};
}

}  // namespace purser
