// References to secrets: "${env:NAME}" and "${file:/absolute/path}".
//
// Configuration holds references, never values (DESIGN 6). Every error here names the reference
// and never what it stands for.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace purser::connectors {

// The value of one whole reference, "${env:NAME}"; read again at each call, so that a changed file
// counts. NotFound: there is no such variable or file, or it is empty. InvalidArgument: not a
// reference of a known kind.
using SecretResolver = std::function<absl::StatusOr<std::string>(const std::string& reference)>;

// Reads this process's environment, and files of up to 64 KiB without the white space at their end.
// The resolver is thread-safe as long as nobody sets environment variables.
SecretResolver ProcessSecrets();

// `text` with every reference in it replaced: "${env:COMPANY}\\${env:LOGIN}".
// Text without a reference comes back as it is.
absl::StatusOr<std::string> ResolveSecrets(absl::string_view text, const SecretResolver& resolver);

// The names in `text` of what it refers to, for messages: "${env:RECNICE_TOKEN}"; "" where none.
std::string ReferencesIn(absl::string_view text);

}  // namespace purser::connectors
