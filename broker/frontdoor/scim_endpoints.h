// SCIM 2.0 over HTTP (RFC 7644): routes, tokens, media types, and what each method does.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/auth/token_table.h"
#include "broker/base/clock.h"
#include "broker/base/ids.h"
#include "broker/frontdoor/directory_service.h"
#include "broker/frontdoor/list_order.h"
#include "broker/frontdoor/refused_requests.h"
#include "broker/frontdoor/scim_request.h"
#include "broker/http/server.h"
#include "broker/scim/bulk.h"

namespace purser {

// kLong: follows the directory's size, or a group's, instead of the answer's.
enum class ReadCost { kShort, kLong };

// Thread-safe: requests come on the server's threads, writes are answered on the directory's.
class ScimEndpoints {
 public:
  struct Options {
    const auth::TokenTable* tokens = nullptr;
    const Clock* clock = nullptr;
    IdSource* ids = nullptr;
    // How long a write may wait to be settled, a read for the log's end.
    absl::Duration write_deadline = absl::Seconds(10);
    absl::Duration read_deadline = absl::Seconds(2);
    // Runs a read elsewhere: a long one, that no server's thread may be held by, or one that had to
    // wait and comes on the directory's thread. False where too many wait. Unset: runs them at
    // once.
    std::function<bool(ReadCost, std::function<void()>)> run_read = nullptr;
    // Keeps what was refused. Unset: nothing is kept.
    RefusedRequests* refused = nullptr;
    // Answers what is asked below "/Feeds". Unset: there are none.
    std::function<void(const ScimRequestPtr&)> feeds = nullptr;
  };

  explicit ScimEndpoints(const Options& options) : options_(options) {}

  // Answers a request for `directory`, whose SCIM paths begin with `base_path`
  // ("/scim/v2").
  void Handle(http::Request request, http::Respond respond, DirectoryService* directory,
              const std::string& base_path, const DirectorySettings& settings) const;

 private:
  absl::Status Admit(ScimRequest* request) const;
  void Route(const ScimRequestPtr& request) const;
  void RouteResources(const ScimRequestPtr& request) const;
  void RouteMe(const ScimRequestPtr& request) const;
  void RouteRoot(const ScimRequestPtr& request, bool search) const;

  // scim_discovery.cc
  http::Response Discover(const ScimRequest& request) const;

  // scim_reads.cc
  void Get(const ScimRequestPtr& request) const;
  // What an asynchronous request came to.
  void GetTransaction(const ScimRequestPtr& request) const;
  // May keep the lease, and with it its snapshot.
  using ReadFn = std::function<absl::StatusOr<http::Response>(DirectoryReaders::Lease&)>;
  // Runs `read` once the read model is current enough for the request, and answers with its result.
  void Read(const ScimRequestPtr& request, ReadCost cost, ReadFn read) const;

  // scim_lists.cc
  void List(const ScimRequestPtr& request, bool search) const;
  using Queries = std::vector<TypeQuery>;
  void NextPage(const ScimRequestPtr& request, std::shared_ptr<const Queries> asked) const;

  // scim_writes.cc
  // Runs one operation as an asynchronous request: what it came to is kept.
  void RunAlone(const ScimRequestPtr& request, scim::BulkOperation operation) const;
  void Post(const ScimRequestPtr& request) const;
  void Put(const ScimRequestPtr& request) const;
  void Patch(const ScimRequestPtr& request) const;
  void Delete(const ScimRequestPtr& request) const;

  // scim_bulk.cc
  void Bulk(const ScimRequestPtr& request) const;

  const Options options_;
};

}  // namespace purser
