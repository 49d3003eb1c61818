#include "broker/cli/output.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "nlohmann/json.hpp"

namespace purser {
namespace {

using nlohmann::ordered_json;

// Characters, not bytes: a UTF-8 character's later bytes take no room.
size_t Width(absl::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
  }));
}

std::string OneLine(std::string text) {
  for (char& byte : text) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(byte))) byte = ' ';
  }
  return text;
}

void AppendRow(const std::vector<std::string>& cells, const std::vector<size_t>& widths,
               std::string* out) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    line += cells[i];
    if (i + 1 < cells.size()) line.append(widths[i] - Width(cells[i]) + 2, ' ');
  }
  absl::StripTrailingAsciiWhitespace(&line);
  absl::StrAppend(out, line, "\n");
}

// JSON's text forms are YAML's too.
void AppendYaml(const ordered_json& value, int indent, std::string* out) {
  const std::string margin(static_cast<size_t>(indent), ' ');
  const auto append_child = [&](const ordered_json& child) {
    if (child.is_structured() && !child.empty()) {
      absl::StrAppend(out, "\n");
      AppendYaml(child, indent + 2, out);
    } else {
      absl::StrAppend(out, " ", child.dump(), "\n");
    }
  };
  if (value.is_object()) {
    for (const auto& [name, child] : value.items()) {
      absl::StrAppend(out, margin, name, ":");
      append_child(child);
    }
  } else if (value.is_array()) {
    for (const ordered_json& child : value) {
      absl::StrAppend(out, margin, "-");
      append_child(child);
    }
  } else {
    absl::StrAppend(out, margin, value.dump(), "\n");
  }
}

}  // namespace

std::string FormatTable(const std::vector<std::string>& header,
                        const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::vector<std::string>> lines = {header};
  lines.insert(lines.end(), rows.begin(), rows.end());
  std::vector<size_t> widths(header.size(), 0);
  for (std::vector<std::string>& cells : lines) {
    cells.resize(header.size());
    for (size_t i = 0; i < cells.size(); ++i) {
      cells[i] = OneLine(std::move(cells[i]));
      widths[i] = std::max(widths[i], Width(cells[i]));
    }
  }
  std::string out;
  for (const std::vector<std::string>& cells : lines) AppendRow(cells, widths, &out);
  return out;
}

std::string FormatJson(const google::protobuf::Message& message, bool indented) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = indented;
  options.always_print_primitive_fields = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
  if (!status.ok()) return "{}\n";
  if (text.empty() || text.back() != '\n') text += '\n';
  return text;
}

std::string FormatYaml(const google::protobuf::Message& message) {
  const ordered_json value = ordered_json::parse(FormatJson(message), nullptr, false);
  if (value.empty()) return "{}\n";
  std::string out;
  AppendYaml(value, 0, &out);
  return out;
}

}  // namespace purser
