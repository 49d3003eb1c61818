// POST /Bulk (RFC 7644, section 3.7): what it asks, in which order that can be done, its answer.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/domain/request_limits.h"
#include "broker/scim/clear_values.h"
#include "broker/scim/json_text.h"
#include "broker/scim/patch.h"
#include "broker/scim/request.h"
#include "broker/scim/resource_input.h"

namespace purser::scim {

// Of groups in one circle, which are made in one go: some 0.2 s, in which nobody else is served.
inline constexpr size_t kMaxCircleMembers = 20'000;

// One operation, all of it that does not depend on the state checked. Every bulkId that it refers
// to has become the id that was minted for that POST.
struct BulkOperation {
  std::string method;   // in upper case; as given where it is none of the four
  std::string bulk_id;  // empty: none
  std::string path;     // as given
  // OK, or why it is refused whatever the state; then what follows is not filled in.
  absl::Status refusal;
  const ResourceSchema* schema = nullptr;  // of what `path` names; nullptr: nothing known
  std::string id;                          // of the resource; minted for a POST
  Preconditions preconditions;
  std::optional<ResourceInput> input;  // POST, PUT
  std::optional<PatchRequest> patch;   // PATCH
  // The POSTs that it refers to, others than itself, as places in BulkRequest::operations.
  std::vector<size_t> references;
  // What a POST in a circle leaves out of `input`, to be changed once the others are there.
  std::optional<PatchRequest> completion;
};

struct BulkRequest {
  std::vector<BulkOperation> operations;
  // How many errors end it.
  size_t fail_on_errors = std::numeric_limits<size_t>::max();
  // Places in `operations` in the order of doing: as in the request, but that a POST comes before
  // what refers to it. Several in one step are POSTs that refer to each other in a circle: in this
  // order each can be made, and then completed; all of them stand, or none. One of more members
  // than kMaxCircleMembers is refused, 409.
  std::vector<std::vector<size_t>> steps;
};

// The result refers to `schemas`, which outlive it. `mint` gives new ids. An operation that is
// wrong by itself is refused by itself; 400 invalidSyntax or invalidValue where the message is, or
// where two POSTs have one bulkId; 413 beyond the limits. What is one of `clear` is absent, or
// unassigns.
absl::StatusOr<BulkRequest> ParseBulk(const SchemaSet& schemas, absl::string_view body,
                                      const std::function<std::string()>& mint,
                                      const ClearValues& clear = {},
                                      const RequestLimits& limits = {});

// For ParseBulk(): fills in `references`, `completion` and the steps.
void ResolveBulkReferences(BulkRequest* request);

// What an operation came to.
struct BulkResult {
  const BulkOperation* operation = nullptr;
  absl::Status error = absl::OkStatus();
  uint64_t version = 0;  // of the resource after it; 0: it has none
};

// The same as a client is told it (RFC 7644, section 3.7.3).
struct BulkAnswer {
  std::string location;  // below the base address: "/Users/0192.."; empty: it made nothing
  std::string method;
  std::string bulk_id;   // empty: none
  uint64_t version = 0;  // 0: none
  int status = 0;
  std::string response;  // JSON text of the error; empty: none
};

BulkAnswer AnswerOf(const BulkResult& result);
std::string RenderBulkResponse(const std::vector<BulkAnswer>& answers, absl::string_view base_url);

}  // namespace purser::scim
