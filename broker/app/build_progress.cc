#include "broker/app/build_progress.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace purser {
namespace {

bool IsDone(const StreamProgress& one) { return one.read >= one.to_read && one.folded >= one.end; }

}  // namespace

std::string Progress::ToString() const {
  std::string text = absl::StrCat("building the read models: ", static_cast<int>(100 * built), "%");
  if (left != absl::InfiniteDuration()) {
    absl::StrAppend(&text, ", about ", absl::ToInt64Seconds(left), " s left");
  }
  absl::StrAppend(&text, "\n");
  for (const StreamProgress& one : streams) {
    if (IsDone(one)) continue;
    absl::StrAppend(&text, one.stream.ToString(), ":");
    if (one.to_read > 0) absl::StrAppend(&text, " read ", one.read, " of ", one.to_read, ",");
    absl::StrAppend(&text, " folded ", one.folded, " of ", one.end, "\n");
  }
  return text;
}

Progress BuildProgress::Look() const {
  Progress progress;
  const std::shared_ptr<const ControlState> state = broker_->control().state();
  for (const auto& [id, entry] : state->directories) {
    DirectoryService* directory = broker_->Directory(id);
    AddStream(StreamId::Directory(id), directory == nullptr ? 0 : directory->writer().folded(),
              &progress);
  }
  for (const auto& [id, entry] : state->apps) {
    AddStream(StreamId::App(id), delivery_->Folded(id), &progress);
  }
  double work = 0;
  double done = 0;
  for (const StreamProgress& one : progress.streams) {
    // What is fetched is folded afterwards.
    const StreamPosition to_fold = std::max(one.end, one.read < one.to_read ? one.to_read : 0);
    work += static_cast<double>(one.to_read + to_fold);
    done += static_cast<double>(std::min(one.read, one.to_read) + std::min(one.folded, to_fold));
  }
  // Where nothing is known of the streams yet, nothing is built.
  progress.built = work > 0 ? done / work : 0;
  const absl::Duration now = clock_->SinceBoot();
  MutexLock lock(&mutex_);
  if (done_) progress.built = 1;
  if (began_ == -absl::InfiniteDuration()) {
    began_ = now;
    built_then_ = progress.built;
  }
  const double since = progress.built - built_then_;
  if (since > 0) progress.left = (now - began_) * ((1 - progress.built) / since);
  return progress;
}

void BuildProgress::AddStream(const StreamId& stream, StreamPosition folded,
                              Progress* progress) const {
  StreamProgress& one = progress->streams.emplace_back();
  one.stream = stream;
  one.folded = folded;
  const auto head = log_->KnownHead(stream);
  one.end = head.ok() ? head->position : 0;
  for (const StreamStanding& standing : log_->Standings()) {
    if (!(standing.stream == stream)) continue;
    one.read = standing.read;
    one.to_read = standing.to_read;
  }
}

void BuildProgress::SetDone() {
  MutexLock lock(&mutex_);
  done_ = true;
}

}  // namespace purser
