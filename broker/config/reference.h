// References to values that configuration never holds: ${env:NAME}, ${file:/absolute/path}.
//
// Here their form alone is checked; they are resolved where they are used.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace purser::config {

// True where `text` holds a reference, well formed or not.
bool HasReference(absl::string_view text);

// Each reference in `text` is well formed: a known kind, a name, an absolute path.
absl::Status CheckReferences(absl::string_view text);

// The whole of `text` is one well-formed reference. The error never repeats `text`.
absl::Status CheckSecretReference(absl::string_view text);

// https, or http to a loopback address; no user, password or fragment. For a value whose references
// have been resolved. The error repeats no part of the URL but its scheme.
absl::Status CheckAppUrl(absl::string_view url);

}  // namespace purser::config
