// Faults on command: which calls go wrong, and how.
//
//   {"rules": [{"match": {"app": "recnice", "method": "POST", "path_contains": "/Users",
//                         "subject": "ada@example.com", "operation": "CreateUser"},
//               "fault": {"kind": "throttle", "retry_after": "2"},
//               "times": 3, "after": 10, "probability": 0.5, "seed": 7}]}
//
// A call meets the rules in order; the first that matches, still has times left and wins its throw
// is its fault. `slow` only adds its delay, and the search goes on. What `match` leaves out is
// anything; `times` of -1, the default, is always; `after` lets that many matching calls pass.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "broker/base/mutex.h"
#include "connectors/sandbox/twin.h"
#include "nlohmann/json.hpp"

namespace purser::sandbox {

enum class FaultKind {
  kNone,
  kStatus,            // `status`, in the application's form; no effect unless `effect`
  kThrottle,          // 429, with `retry_after` or without
  kStall,             // nothing for `delay_ms` (35 s), then `status`, or the connection is closed
  kSlow,              // `delay_ms`, then as ever
  kDropBefore,        // the connection is closed, nothing is done
  kCommitThenDrop,    // it is done, and the connection closed
  kCommitThenStatus,  // it is done, and `status` (500) answered
  kLateEffect,        // no answer; done after `delay_ms`, the connection closed after `hold_ms`
  kFalseSuccess,      // the answer tells of success; nothing is done
  kBadJson,           // it is done, and half the answer's body comes
  kHtml,              // 200 with a page; nothing is done
  kRedirect,          // 302 to a log-in page; nothing is done
  kIgnoreFilter,      // a search answers with everyone
  kExpireCredential,  // 401, whatever the credential
};

struct Fault {
  FaultKind kind = FaultKind::kNone;
  std::string name;  // "commit_then_drop"
  int status = 0;    // 0: the kind's own
  bool effect = false;
  std::string retry_after;  // "2", or an HTTP date; empty: no such header
  // Where set, Retry-After is the HTTP date this long from now.
  std::optional<absl::Duration> retry_after_date_in;
  std::optional<absl::Duration> delay;
  std::optional<absl::Duration> hold;
  std::optional<std::string> body;  // in place of the kind's own
  std::string content_type;
  std::vector<std::pair<std::string, std::string>> headers;
};

// What happens to one call.
struct FaultChoice {
  absl::Duration delay;  // before anything else
  Fault fault;
};

// Thread-safe.
class Faults {
 public:
  // Puts these rules in place of all before, counting from nothing. InvalidArgument, naming the
  // rule, changes nothing.
  absl::Status Set(const nlohmann::json& document);
  // As set, with `met`, how often each rule has struck.
  nlohmann::json Get() const;

  FaultChoice Choose(absl::string_view app, const Call& call);

 private:
  struct Rule {
    nlohmann::json document;
    std::string app, method, path_contains, subject, operation;
    Fault fault;
    int64_t times = -1;
    int64_t after = 0;
    double probability = 1;
    std::mt19937_64 dice;
    int64_t met = 0;
  };

  static absl::StatusOr<Rule> ParseRule(const nlohmann::json& document);
  static bool Matches(const Rule& rule, absl::string_view app, const Call& call);
  static bool Strikes(Rule* rule);

  mutable Mutex mutex_;
  std::vector<Rule> rules_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<Fault> ParseFault(const nlohmann::json& document);

}  // namespace purser::sandbox
