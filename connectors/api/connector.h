// What a connector is: code that speaks one application's protocol, one attempt at a time.
//
// The runtime (connectors/delivery) owns order, retry, rate, parking and persistence. A connector
// makes one attempt and tells what happened: it never retries, sleeps, follows a redirect, keeps
// state between calls beyond what Check() may fetch again, or decides policy. One folder a
// connector; each passes tests/conformance/connectors.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "nlohmann/json.hpp"

namespace purser::connectors {

enum class ResourceType { kUser, kGroup };

// The app's attributes by target path, as mapping rows name them: "userName",
// "emails[type eq \"work\"].value", "urn:...:User:department", "loginName". An absent key is
// a value that is not known or not mapped.
using Attributes = std::map<std::string, nlohmann::json>;

// What an attempt came to, as far as it can be told from the answer.
enum class Verdict {
  kDone,             // it took effect, or the answer to a question is here
  kRefused,          // the app said no to this resource: 400, 403, 413, 422, a Sender fault
  kConflict,         // 409: the name is taken
  kNotFound,         // 404: no such account
  kPrecondition,     // 412: it changed since it was read
  kThrottled,        // 429; see retry_after
  kUnauthenticated,  // 401: the credentials are refused
  kUnavailable,      // no effect and no verdict: not connected, 502 before sending, 503
  kInDoubt,          // an effect is possible: time-out, lost connection, 500, 502, 504
  kNotTheProtocol,   // a redirect, HTML, a body that does not decode: never success, in doubt
  kUnsupported,      // 405, 501: the app does not offer this
};

// The last exchange with the app, redacted: no secret, no personal value; for people.
struct Exchange {
  std::string method;
  std::string url;  // without query values
  int status = 0;
  std::string summary;  // scimType, error type, the names of the fields sent
};

struct Result {
  Verdict verdict = Verdict::kInDoubt;
  std::string message;  // what was being done, then why; redacted
  // Nothing was sent, as the configuration refers to what is not there; kUnauthenticated.
  bool not_configured = false;
  int http_status = 0;
  std::optional<absl::Duration> retry_after;
  Exchange exchange;
  // Targets that a write which took effect went without: a department the app does not know.
  std::vector<std::string> left_out;

  bool ok() const { return verdict == Verdict::kDone; }
};

// An account or group as the app shows it.
struct RemoteResource {
  std::string id;
  Attributes attributes;  // only those the mapping names, in the form of our targets
  std::optional<bool> active;
  std::string etag;
  std::set<std::string> member_ids;  // of a group, where they were asked for
};

// One attempt's circumstances.
struct Call {
  std::string request_id;
  std::string trace_parent;
  // The same for every repetition of one frozen operation; Replicon's unitOfWorkId.
  std::string operation_id;
  absl::Duration timeout = absl::Seconds(30);
};

// The difference to send. Values of `clear` are unassigned.
struct Changes {
  Attributes set;
  std::vector<std::string> clear;
  // Everything wanted, for a PUT and for what an app replaces whole.
  Attributes wanted;
};

struct MemberChanges {
  std::vector<std::string> add;  // the app's ids
  std::vector<std::string> remove;
};

using CheckDone = std::function<void(Result)>;
using ResourcesDone = std::function<void(Result, std::vector<RemoteResource>)>;
// The resource as far as the answer told it; id set where one was created.
using WriteDone = std::function<void(Result, RemoteResource)>;

// What the runtime must know before it plans; from the dialect and the connector's nature.
struct Capabilities {
  bool groups = false;
  bool deletes = true;  // false: a leaver's account is disabled, never deleted
  bool lists = true;
  bool delete_keeps_account = false;  // Replicon: the name stays taken after Delete()
};

// Thread-compatible: driven by one thread. Each `done` runs exactly once, in RunOnce() of the
// HttpClient or before the call returns. A connector outlives its calls' completions.
class Connector {
 public:
  virtual ~Connector() = default;

  virtual const Capabilities& capabilities() const = 0;

  // Are the address and the credentials good? Changes nothing.
  virtual void Check(const Call& call, CheckDone done) = 0;

  // All that the app shows for `attribute` = `value`. The app may ignore the filter: the caller
  // compares every hit again.
  virtual void Find(ResourceType type, const std::string& attribute, const std::string& value,
                    const Call& call, ResourcesDone done) = 0;

  // The one with that id, members included where `with_members`; kNotFound where there is none.
  virtual void Read(ResourceType type, const std::string& id, bool with_members, const Call& call,
                    ResourcesDone done) = 0;

  // One page of all; `cursor` is empty at first, and what the last page's `next` said after.
  struct Page {
    std::vector<RemoteResource> resources;
    std::string next;  // empty: this was the last
  };
  using PageDone = std::function<void(Result, Page)>;
  virtual void List(ResourceType type, const std::string& cursor, const Call& call,
                    PageDone done) = 0;

  virtual void Create(ResourceType type, const Attributes& wanted, const Call& call,
                      WriteDone done) = 0;
  virtual void Update(ResourceType type, const std::string& id, const Changes& changes,
                      const Call& call, WriteDone done) = 0;
  // Gives or takes access and carries nothing else.
  virtual void SetActive(const std::string& id, bool active, const Call& call, WriteDone done) = 0;
  // As the app deletes; where it keeps the account (delete_keeps_account), ends its access for
  // good.
  virtual void Delete(ResourceType type, const std::string& id, const Call& call,
                      WriteDone done) = 0;
  virtual void ChangeMembers(const std::string& group_id, const MemberChanges& changes,
                             const Call& call, WriteDone done) = 0;
};

}  // namespace purser::connectors
