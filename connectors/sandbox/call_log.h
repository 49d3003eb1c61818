// What an application was asked, and what became of it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "broker/base/mutex.h"
#include "connectors/sandbox/twin.h"
#include "nlohmann/json.hpp"

namespace purser::sandbox {

// Thread-safe. Keeps the last 200,000 calls, of the last 20,000 also the bodies; never a
// credential. Numbers go on where the log is cleared.
class CallLog {
 public:
  // The call's number.
  uint64_t Begin(const Call& call, absl::Time now);
  // `status` 0: it was never answered.
  void Finish(uint64_t number, int status, absl::string_view fault, absl::Time now);
  void Clear();

  // The calls after number `since`, oldest first.
  nlohmann::json List(uint64_t since, bool with_bodies) const;
  // How many calls there were, at once and in all, by operation and by status; and `overlaps`: how
  // many began to change an account while another change of it was under way.
  nlohmann::json Stats() const;

 private:
  struct Entry {
    uint64_t number = 0;
    absl::Time begun;
    absl::Duration took;
    bool finished = false;
    bool overlaps = false;
    int status = 0;
    std::string method, path, query, operation, id, name, operation_id, request_id, trace_parent,
        fault, body;
  };

  static nlohmann::json Describe(const Entry& entry, bool with_body);
  static std::string SubjectOfWrite(const Entry& entry);

  mutable Mutex mutex_;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 1;
  std::deque<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  int64_t in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t most_in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t overlaps_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, int64_t> by_operation_ ABSL_GUARDED_BY(mutex_);
  std::map<int, int64_t> by_status_ ABSL_GUARDED_BY(mutex_);
  // Changes under way, by the account they are about.
  absl::flat_hash_map<std::string, int> writing_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace purser::sandbox
