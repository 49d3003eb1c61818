// What an answer means, where the protocol says no more: the one table from HTTP to Verdict.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "connectors/api/connector.h"
#include "connectors/api/http_client.h"

namespace purser::connectors {

// By status alone (RFC 9110); a 2xx is kDone until its body has been looked at.
Verdict VerdictOfStatus(int status);

// Of HttpClient's errors: kUnavailable where the app cannot have seen the request, else kInDoubt.
Verdict VerdictOfTransport(const absl::Status& error);

// "refused", "in doubt", ...: for messages.
absl::string_view VerdictName(Verdict verdict);

// How long the app asks to be left alone: Retry-After in seconds or as an HTTP date, else vendors'
// Retry-After-Ms, RateLimit-Reset, X-RateLimit-Reset and X-Rate-Limit-Reset (seconds from now, or a
// Unix time). Between 0 and 24 hours; nullopt where nothing readable is said.
std::optional<absl::Duration> RetryAfter(const HttpResponse& response, absl::Time now);

// True for an answer that is a web page.
bool IsHtml(const HttpResponse& response);

// Of an app's own words only those that cannot be about a person: `fields` and a fixed vocabulary,
// the rest as "..": "emails .. required". Empty where nothing is left.
std::string SafeWords(absl::string_view text, const std::vector<std::string>& fields);

}  // namespace purser::connectors
