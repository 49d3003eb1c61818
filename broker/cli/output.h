// What commands print: tables for people, JSON and YAML for scripts.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace purser {

enum class OutputFormat { kTable, kJson, kYaml };

// Columns aligned, two blanks between; the last one as long as it is. A cell's line breaks and
// control characters are shown as blanks. Nothing but the header where there are no rows.
std::string FormatTable(const std::vector<std::string>& header,
                        const std::vector<std::vector<std::string>>& rows);

// JSON with the protos' lowerCamelCase names and every number, text and list, be it zero or empty;
// `indented`, or on one line.
std::string FormatJson(const google::protobuf::Message& message, bool indented = true);

// The same as YAML.
std::string FormatYaml(const google::protobuf::Message& message);

}  // namespace purser
