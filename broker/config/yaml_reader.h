// YAML, read strictly into configuration messages.
//
// Keys are the messages' field names, enum values their names in lower case, durations "30s" or
// "5m". An unknown key, a wrong type, a key twice and a key without a value are errors, each with
// file, line and column; no error repeats a value, which may be a secret.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace purser::config {

// Where each field stands: "apps[0].url" -> "four-apps.yaml:7:5".
using Places = std::map<std::string, std::string>;

// Reads the documents of `text` into `message`, one after the other. `file` names them in errors
// and in `places`, which may be null. InvalidArgument lists every error, one a line.
absl::Status ReadYaml(absl::string_view text, absl::string_view file,
                      google::protobuf::Message* message, Places* places);

}  // namespace purser::config
