// Asynchronous requests (RFC 9967, section 2.5.1): what each operation came to is a record of the
// directory, which its feeds tell and a client may ask for.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "broker/base/ids.h"
#include "broker/eventlog/event_log.h"
#include "broker/frontdoor/scim_request.h"
#include "broker/scim/bulk.h"

namespace purser {

// The record, at log time `at`, of what operation `place` of an asynchronous request came to.
event::v1::Envelope CompletionOf(const ScimRequest& request, size_t place,
                                 const scim::BulkResult& result, IdSource* ids, absl::Time at);

// 202 with the transaction and where its result may be asked for, without a body.
http::Response AcceptedResponse(const ScimRequest& request);

// What the records at `positions` of a directory's stream say. DataLoss where they are none such.
absl::StatusOr<std::vector<scim::BulkAnswer>> ReadCompletions(
    const EventLog& log, const StreamId& stream, const std::vector<StreamPosition>& positions);

}  // namespace purser
