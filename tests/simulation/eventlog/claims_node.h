// A tiny application on the log: keys that at most one request holds. It decides against its fold,
// appends, and answers; as the front door does, in little.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/base/clock.h"
#include "broker/eventlog/memory/memory_event_log.h"

namespace purser::simulation {

enum class Answer { kNone, kDone, kRefused, kUnavailable };

// "Give me key K", or "let go of key K".
struct Request {
  std::string id;
  int key = 0;
  bool release = false;
  Answer answer = Answer::kNone;
  bool caught_up = false;  // has read the log's end since it came
  uint64_t asked_at = 0;   // valid records on the log when it came, and when it was answered
  uint64_t answered_at = 0;
};
using RequestPtr = std::shared_ptr<Request>;

// Bugs that the checker is to find.
enum class Planted {
  kNothing,
  kAcknowledgedBeforeReport,
  kNoPrevCheck,   // folds every record, valid or not
  kStaleRefusal,  // refuses without reading the log's end
};

// Who holds which key.
struct Claims {
  std::map<int, std::string> holder;

  bool Allows(const Request& request) const {
    return holder.contains(request.key) == request.release;
  }
  void Apply(const Request& request);
  // False where the record says what may not be: a key taken twice, or let go unheld.
  bool Apply(const event::v1::Envelope& envelope);
};

class ClaimsNode {
 public:
  // `answered` is called once a request; never after Stop().
  ClaimsNode(const StreamId& stream, MemoryCluster* cluster, std::string table, const Clock& clock,
             IdSource& ids, Planted planted, std::function<void(const RequestPtr&)> answered);

  void Start(uint64_t seed);
  // As a crash: what was not answered never is.
  void Stop();
  bool running() const { return node_.log != nullptr; }

  void Submit(RequestPtr request) { waiting_.push_back(std::move(request)); }
  bool RunOnce();
  bool idle() const { return waiting_.empty() && !appending_ && catching_up_ == 0; }

  MemoryTransport& transport() { return *node_.transport; }
  ArbitratedEventLog& log() { return *node_.log; }
  const Claims& claims() const { return claims_; }
  const Head& head() const { return head_; }

 private:
  void Fold();
  void FoldRaw();
  void Decide();
  void CatchUpFor(const RequestPtr& request);
  void AppendGroup(std::vector<RequestPtr> group, std::vector<Record> records);
  void OnAppended(const std::vector<RequestPtr>& group, const AppendResult& result);
  void Tell(const RequestPtr& request, Answer answer);

  const StreamId stream_;
  MemoryCluster* const cluster_;
  const std::string table_;
  const Clock& clock_;
  IdSource& ids_;
  const Planted planted_;
  const std::function<void(const RequestPtr&)> answered_;

  MemoryNode node_;
  bool open_ = false;
  bool opening_ = false;
  bool appending_ = false;
  int catching_up_ = 0;
  Head head_;
  Claims claims_;
  size_t raw_folded_ = 0;
  std::deque<RequestPtr> waiting_;
};

}  // namespace purser::simulation
