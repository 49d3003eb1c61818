// W3C Trace Context: the trace that a request is part of, as its `traceparent` header names it.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace purser {

struct TraceContext {
  std::string trace_id;  // 32 hexadecimal digits in lower case, not all zero
  bool sampled = false;
};

// Of "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01". nullopt where it is malformed, and
// then, as the standard asks, to be ignored. Of a later version what this one knows is read.
std::optional<TraceContext> ParseTraceParent(absl::string_view text);

// A trace of our own, named by what it begins with: the id "0192f0c1-7d4a-7b3e-8f00-5a6b7c8d9e0f"
// begins the trace 0192f0c17d4a7b3e8f005a6b7c8d9e0f, which nobody is asked to record.
// `uuid` is one by IsUuid().
TraceContext TraceBegunBy(absl::string_view uuid);

// The header of one call in the trace. Its span is named by the call's own request id: by the last
// 16 digits of that UUID.
std::string FormatTraceParent(const TraceContext& trace, absl::string_view request_uuid);

}  // namespace purser
