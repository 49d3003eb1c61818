#include "broker/eventlog/sqlite/chain_mark.h"

#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/eventlog/verify.h"

namespace purser {
namespace {

constexpr size_t kRunRecords = 1000;
constexpr size_t kRunBytes = 4 << 20;

std::string KeyOf(const StreamId& stream) { return absl::StrCat("mark/", stream.ToString()); }

bool IsAboutTheRecords(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsFailedPrecondition(status);
}

// The head at the mark, with its time, once the record there is the one that was marked.
absl::Status CheckMarked(const RecordStore& store, const StreamId& stream, LoadedChain* chain) {
  ASSIGN_OR_RETURN(const Head mark, ReadMark(store, stream));
  chain->marked = mark.position;
  if (mark.position == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto run, store.Read(stream, mark.position - 1, 1, 1));
  if (run.empty() || run[0].position != mark.position) {
    return MissingTail(stream, {.position = mark.position - 1}, mark.position);
  }
  // Hash and content too, not only the place: the rest of the chain hangs on this record.
  Head before{.position = mark.position - 1, .self = Record{run[0].bytes}.prev()};
  event::v1::Envelope envelope;
  RETURN_IF_ERROR(CheckRun(stream, run, &before, &envelope));
  if (!(before == mark)) {
    return absl::DataLossError(absl::StrCat("stream ", stream.ToString(), ", position ",
                                            mark.position,
                                            ": it is another record than the one that was marked"));
  }
  chain->head = before;
  chain->moved = envelope.kind() == event::v1::MOVED;
  return absl::OkStatus();
}

absl::Status WalkTail(const RecordStore& store, const StreamId& stream, LoadedChain* chain) {
  event::v1::Envelope last;
  while (true) {
    ASSIGN_OR_RETURN(const auto run,
                     store.Read(stream, chain->head.position, kRunRecords, kRunBytes));
    if (run.empty()) return absl::OkStatus();
    RETURN_IF_ERROR(CheckRun(stream, run, &chain->head, &last));
    chain->moved = last.kind() == event::v1::MOVED;
  }
}

}  // namespace

RecordBatch::Meta ChainMark(const StreamId& stream, const Head& head) {
  std::string value;
  for (int shift = 56; shift >= 0; shift -= 8) {
    value.push_back(static_cast<char>(head.position >> shift & 0xff));
  }
  absl::StrAppend(&value, AsBytes(head.self));
  return {.key = KeyOf(stream), .value = std::move(value)};
}

absl::StatusOr<Head> ReadMark(const RecordStore& store, const StreamId& stream) {
  ASSIGN_OR_RETURN(const std::optional<std::string> value, store.Meta(KeyOf(stream)));
  Head mark = EmptyHead(stream);
  if (!value.has_value()) return mark;
  uint64_t position = 0;
  if (value->size() == sizeof position + mark.self.size()) {
    for (size_t i = 0; i < sizeof position; ++i) {
      position = position << 8 | static_cast<unsigned char>((*value)[i]);
    }
    mark.position = position;
    std::memcpy(mark.self.data(), value->data() + sizeof position, mark.self.size());
    return mark;
  }
  return absl::DataLossError(absl::StrCat("stream ", stream.ToString(), ": its mark is damaged"));
}

absl::StatusOr<LoadedChain> LoadChain(const RecordStore& store, const StreamId& stream) {
  LoadedChain chain{.head = EmptyHead(stream)};
  absl::Status status = CheckMarked(store, stream, &chain);
  // Damage at the mark: what is whole before it is found by walking from the first record.
  const absl::Status walked =
      status.ok() || IsAboutTheRecords(status) ? WalkTail(store, stream, &chain) : absl::OkStatus();
  if (!walked.ok()) status = walked;
  if (walked.ok() && !status.ok() && chain.head.position < chain.marked) {
    status = MissingTail(stream, chain.head, chain.marked);
  }
  if (!status.ok() && !IsAboutTheRecords(status)) return status;
  chain.health = status;
  return chain;
}

}  // namespace purser
