// Addresses: put together, percent-encoded, and made fit to show.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace purser::connectors {

using Query = std::vector<std::pair<std::string, std::string>>;

// All but RFC 3986's unreserved characters as %XX: "a b" is "a%20b".
std::string PercentEncode(absl::string_view text);

// "https://x/scim/?flag" with {"Users", "a/b"} and {{"count", "1"}} is
// "https://x/scim/Users/a%2Fb?flag&count=1": a slash at the end of `base` may stand or not, its
// query stays first, segments and values are encoded.
std::string JoinUrl(absl::string_view base, const std::vector<std::string>& segments,
                    const Query& query = {});

// Without user part and fragment, with the names of the query's parameters alone, and with ".." for
// what is a mail address in the path: "https://x/Users?filter&count", "https://x/Users/..".
std::string RedactUrl(absl::string_view url);

// "example.com" of "https://example.com:8443/scim", in lower case; empty where there is none.
std::string HostOf(absl::string_view url);

}  // namespace purser::connectors
