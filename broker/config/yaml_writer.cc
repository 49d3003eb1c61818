#include "broker/config/yaml_writer.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/duration.pb.h"
#include "nlohmann/json.hpp"

namespace purser::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Words and numbers that some YAML readers take for something else than text.
bool MeansSomethingElse(const std::string& text) {
  static constexpr absl::string_view kWords[] = {"true", "false", "yes", "no", "on", "off", "null"};
  double number = 0;
  if (absl::SimpleAtod(text, &number)) return true;
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [&](absl::string_view word) { return absl::EqualsIgnoreCase(word, text); });
}

bool IsPlain(const std::string& text) {
  if (text.empty() || MeansSomethingElse(text)) return false;
  if (!absl::ascii_isalnum(text.front()) && !absl::StrContains("$/_", text.substr(0, 1))) {
    return false;
  }
  if (text.back() == ' ' || text.back() == ':' || absl::StrContains(text, ": ")) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("_./-@+${}()[]= ,:\"", std::string(1, c));
  });
}

std::string Quoted(const std::string& text) {
  if (IsPlain(text)) return text;
  const bool printable =
      std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x20 && c < 0x7F; });
  if (!printable) return nlohmann::json(text).dump();
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "''"}}), "'");
}

std::string DurationText(const Message& message) {
  google::protobuf::Duration value;
  value.CopyFrom(message);
  return absl::FormatDuration(absl::Seconds(value.seconds()) + absl::Nanoseconds(value.nanos()));
}

std::string ScalarText(const Message& message, const FieldDescriptor* field) {
  const Reflection* reflection = message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return Quoted(reflection->GetString(message, field));
    case FieldDescriptor::CPPTYPE_ENUM:
      return absl::AsciiStrToLower(reflection->GetEnum(message, field)->name());
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection->GetBool(message, field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(reflection->GetUInt32(message, field));
    default:
      return nlohmann::json(reflection->GetDouble(message, field)).dump();
  }
}

using Lines = std::vector<std::string>;

Lines LinesOf(const Message& message);

void AppendIndented(const Lines& from, absl::string_view first, absl::string_view rest, Lines* to) {
  for (size_t i = 0; i < from.size(); ++i) {
    to->push_back(absl::StrCat(i == 0 ? first : rest, from[i]));
  }
}

void AppendMap(const Message& message, const FieldDescriptor* field, Lines* lines) {
  const Reflection* reflection = message.GetReflection();
  std::map<std::string, std::string> sorted;
  for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
    const Message& entry = reflection->GetRepeatedMessage(message, field, i);
    sorted[entry.GetReflection()->GetString(entry, field->message_type()->map_key())] =
        entry.GetReflection()->GetString(entry, field->message_type()->map_value());
  }
  lines->push_back(absl::StrCat(field->name(), ":"));
  for (const auto& [key, value] : sorted) {
    lines->push_back(absl::StrCat("  ", Quoted(key), ": ", Quoted(value)));
  }
}

void AppendRepeated(const Message& message, const FieldDescriptor* field, Lines* lines) {
  const Reflection* reflection = message.GetReflection();
  lines->push_back(absl::StrCat(field->name(), ":"));
  for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      lines->push_back(
          absl::StrCat("  - ", Quoted(reflection->GetRepeatedString(message, field, i))));
      continue;
    }
    const Lines element = LinesOf(reflection->GetRepeatedMessage(message, field, i));
    if (element.empty()) lines->push_back("  - {}");
    AppendIndented(element, "  - ", "    ", lines);
  }
}

void AppendMessage(const Message& message, const FieldDescriptor* field, Lines* lines) {
  const Message& inner = message.GetReflection()->GetMessage(message, field);
  if (field->message_type() == google::protobuf::Duration::descriptor()) {
    lines->push_back(absl::StrCat(field->name(), ": ", DurationText(inner)));
    return;
  }
  const Lines below = LinesOf(inner);
  lines->push_back(absl::StrCat(field->name(), below.empty() ? ": {}" : ":"));
  AppendIndented(below, "  ", "  ", lines);
}

Lines LinesOf(const Message& message) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  Lines lines;
  for (const FieldDescriptor* field : fields) {
    if (field->is_map()) {
      AppendMap(message, field, &lines);
    } else if (field->is_repeated()) {
      AppendRepeated(message, field, &lines);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      AppendMessage(message, field, &lines);
    } else {
      lines.push_back(absl::StrCat(field->name(), ": ", ScalarText(message, field)));
    }
  }
  return lines;
}

}  // namespace

std::string ToYaml(const config::v1::Configuration& configuration) {
  std::string text;
  for (const std::string& line : LinesOf(configuration)) absl::StrAppend(&text, line, "\n");
  return text;
}

std::string ToYaml(const config::v1::App& app) {
  config::v1::Configuration configuration;
  *configuration.add_apps() = app;
  return ToYaml(configuration);
}

}  // namespace purser::config
