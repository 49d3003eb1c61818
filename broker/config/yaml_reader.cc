#include "broker/config/yaml_reader.h"

#include <yaml-cpp/yaml.h>

#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "broker/base/nearest.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/duration.pb.h"
#include "nlohmann/json.hpp"

namespace purser::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr size_t kLargestText = 4 << 20;
constexpr size_t kMostErrors = 20;
// Aliases let a small text stand for a huge tree, or for one without end.
constexpr int kMostNodes = 200'000;
constexpr int kDeepest = 32;

class Reader {
 public:
  Reader(absl::string_view file, Places* places) : file_(file), places_(places) {}

  void ReadDocument(const YAML::Node& node, Message* message) {
    if (!node.IsNull()) ReadMessage(node, "", 0, message);
  }
  absl::Status status() const {
    return errors_.empty() ? absl::OkStatus()
                           : absl::InvalidArgumentError(absl::StrJoin(errors_, "\n"));
  }

 private:
  void ReadMessage(const YAML::Node& node, const std::string& path, int depth, Message* message);
  void ReadField(const YAML::Node& node, const std::string& path, int depth,
                 const FieldDescriptor* field, Message* message);
  void ReadRepeated(const YAML::Node& node, const std::string& path, int depth,
                    const FieldDescriptor* field, Message* message);
  void ReadMap(const YAML::Node& node, const std::string& path, const FieldDescriptor* field,
               Message* message);
  void ReadDuration(const YAML::Node& node, Message* message);
  void ReadScalar(const YAML::Node& node, const FieldDescriptor* field, Message* message);
  void ReadText(const YAML::Node& node, const FieldDescriptor* field, Message* message);
  void ReadEnum(const YAML::Node& node, const FieldDescriptor* field, Message* message);
  void ReadNumber(const YAML::Node& node, const FieldDescriptor* field, Message* message);

  // False, with an error once, where the tree is deeper or larger than any configuration.
  bool WithinBounds(const YAML::Node& node, int depth);
  std::string Place(const YAML::Node& node) const {
    const YAML::Mark mark = node.Mark();
    return absl::StrCat(file_, ":", mark.line + 1, ":", mark.column + 1);
  }
  void Error(const YAML::Node& node, absl::string_view message) {
    if (errors_.size() < kMostErrors) errors_.push_back(absl::StrCat(Place(node), ": ", message));
  }

  const std::string file_;
  Places* const places_;
  int nodes_ = 0;
  std::vector<std::string> errors_;
};

std::vector<std::string> KeysOf(const Descriptor* descriptor) {
  std::vector<std::string> keys;
  for (int i = 0; i < descriptor->field_count(); ++i) {
    keys.push_back(descriptor->field(i)->name());
  }
  return keys;
}

bool IsDuration(const FieldDescriptor* field) {
  return field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         field->message_type() == google::protobuf::Duration::descriptor();
}

std::string Below(const std::string& path, absl::string_view key) {
  return path.empty() ? std::string(key) : absl::StrCat(path, ".", key);
}

bool Reader::WithinBounds(const YAML::Node& node, int depth) {
  const bool within = ++nodes_ <= kMostNodes && depth <= kDeepest;
  if (!within && nodes_ < 2 * kMostNodes) {
    nodes_ = 2 * kMostNodes;
    Error(node, depth > kDeepest ? "nested too deeply" : "too large, its aliases followed");
  }
  return within;
}

void Reader::ReadMessage(const YAML::Node& node, const std::string& path, int depth,
                         Message* message) {
  if (!WithinBounds(node, depth)) return;
  const Descriptor* descriptor = message->GetDescriptor();
  if (!node.IsMap()) {
    return Error(node, absl::StrCat(path.empty() ? "the document" : path,
                                    " must hold keys: ", absl::StrJoin(KeysOf(descriptor), ", ")));
  }
  std::set<std::string> seen;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) {
      Error(entry.first, "a key must be a plain word");
      continue;
    }
    const std::string& key = entry.first.Scalar();
    const FieldDescriptor* field = descriptor->FindFieldByName(key);
    if (field == nullptr) {
      Error(entry.first, absl::StrCat("unknown key \"", key, "\"", path.empty() ? "" : " in ", path,
                                      DidYouMean(key, KeysOf(descriptor))));
    } else if (!seen.insert(key).second) {
      Error(entry.first, absl::StrCat("key \"", key, "\" stands twice"));
    } else if (entry.second.IsNull()) {
      Error(entry.first,
            absl::StrCat("key \"", key, "\" has no value; give it one or leave it out"));
    } else {
      if (places_ != nullptr) (*places_)[Below(path, key)] = Place(entry.first);
      ReadField(entry.second, Below(path, key), depth + 1, field, message);
    }
  }
}

void Reader::ReadField(const YAML::Node& node, const std::string& path, int depth,
                       const FieldDescriptor* field, Message* message) {
  if (!WithinBounds(node, depth)) return;
  if (field->is_map()) return ReadMap(node, path, field, message);
  if (field->is_repeated()) return ReadRepeated(node, path, depth, field, message);
  const Reflection* reflection = message->GetReflection();
  if (IsDuration(field)) return ReadDuration(node, reflection->MutableMessage(message, field));
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    return ReadMessage(node, path, depth, reflection->MutableMessage(message, field));
  }
  ReadScalar(node, field, message);
}

void Reader::ReadRepeated(const YAML::Node& node, const std::string& path, int depth,
                          const FieldDescriptor* field, Message* message) {
  if (!node.IsSequence()) return Error(node, absl::StrCat(path, " must be a list"));
  const Reflection* reflection = message->GetReflection();
  for (const auto& element : node) {
    if (!WithinBounds(element, depth)) return;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      if (!element.IsScalar()) {
        Error(element, absl::StrCat(path, " must be a list of texts"));
        continue;
      }
      reflection->AddString(message, field, element.Scalar());
      continue;
    }
    const std::string place = absl::StrCat(path, "[", reflection->FieldSize(*message, field), "]");
    if (places_ != nullptr) (*places_)[place] = Place(element);
    ReadMessage(element, place, depth + 1, reflection->AddMessage(message, field));
  }
}

// Every map of the configuration is from text to text.
void Reader::ReadMap(const YAML::Node& node, const std::string& path, const FieldDescriptor* field,
                     Message* message) {
  if (!node.IsMap()) return Error(node, absl::StrCat(path, " must hold keys with values"));
  std::set<std::string> seen;
  const Descriptor* entry_type = field->message_type();
  for (const auto& entry : node) {
    if (!WithinBounds(entry.second, 1)) return;
    if (!entry.first.IsScalar() || !entry.second.IsScalar()) {
      Error(entry.first, absl::StrCat(path, ": both key and value must be texts"));
    } else if (!seen.insert(entry.first.Scalar()).second) {
      Error(entry.first, absl::StrCat("key \"", entry.first.Scalar(), "\" stands twice"));
    } else {
      Message* added = message->GetReflection()->AddMessage(message, field);
      const Reflection* reflection = added->GetReflection();
      reflection->SetString(added, entry_type->map_key(), entry.first.Scalar());
      reflection->SetString(added, entry_type->map_value(), entry.second.Scalar());
    }
  }
}

void Reader::ReadDuration(const YAML::Node& node, Message* message) {
  absl::Duration duration;
  if (!node.IsScalar() || !absl::ParseDuration(node.Scalar(), &duration) ||
      duration == absl::InfiniteDuration() || duration < absl::ZeroDuration()) {
    return Error(node, "not a duration; write such as 30s, 5m or 1h30m");
  }
  google::protobuf::Duration value;
  value.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  value.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  message->CopyFrom(value);
}

void Reader::ReadScalar(const YAML::Node& node, const FieldDescriptor* field, Message* message) {
  if (!node.IsScalar()) {
    return Error(node,
                 absl::StrCat("key \"", field->name(), "\" takes one value, no list or keys"));
  }
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return ReadText(node, field, message);
    case FieldDescriptor::CPPTYPE_ENUM:
      return ReadEnum(node, field, message);
    case FieldDescriptor::CPPTYPE_BOOL: {
      const std::string& text = node.Scalar();
      if (text != "true" && text != "false") {
        return Error(node, absl::StrCat("key \"", field->name(), "\" must be true or false"));
      }
      return message->GetReflection()->SetBool(message, field, text == "true");
    }
    default:
      return ReadNumber(node, field, message);
  }
}

void Reader::ReadText(const YAML::Node& node, const FieldDescriptor* field, Message* message) {
  message->GetReflection()->SetString(message, field, node.Scalar());
}

void Reader::ReadEnum(const YAML::Node& node, const FieldDescriptor* field, Message* message) {
  std::vector<std::string> names;
  for (int i = 1; i < field->enum_type()->value_count(); ++i) {
    const EnumValueDescriptor* value = field->enum_type()->value(i);
    names.push_back(absl::AsciiStrToLower(value->name()));
    if (names.back() == node.Scalar()) {
      return message->GetReflection()->SetEnum(message, field, value);
    }
  }
  Error(node, absl::StrCat("key \"", field->name(), "\" must be one of ",
                           absl::StrJoin(names, ", "), DidYouMean(node.Scalar(), names)));
}

void Reader::ReadNumber(const YAML::Node& node, const FieldDescriptor* field, Message* message) {
  const Reflection* reflection = message->GetReflection();
  uint32_t whole = 0;
  double fraction = 0;
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_UINT32) {
    if (absl::SimpleAtoi(node.Scalar(), &whole)) {
      return reflection->SetUInt32(message, field, whole);
    }
    return Error(node,
                 absl::StrCat("key \"", field->name(), "\" must be a whole number from 0 on"));
  }
  if (absl::SimpleAtod(node.Scalar(), &fraction) && fraction - fraction == 0) {
    return reflection->SetDouble(message, field, fraction);
  }
  Error(node, absl::StrCat("key \"", field->name(), "\" must be a number"));
}

bool IsUtf8(absl::string_view text) {
  try {
    return !nlohmann::json(std::string(text)).dump().empty();
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

}  // namespace

absl::Status ReadYaml(absl::string_view text, absl::string_view file, Message* message,
                      Places* places) {
  if (text.size() > kLargestText) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": larger than 4 MiB"));
  }
  if (!IsUtf8(text)) return absl::InvalidArgumentError(absl::StrCat(file, ": not UTF-8 text"));
  Reader reader(file, places);
  try {
    for (const YAML::Node& document : YAML::LoadAll(std::string(text))) {
      reader.ReadDocument(document, message);
    }
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(
        file, ":", error.mark.line + 1, ":", error.mark.column + 1, ": not YAML: ", error.msg));
  }
  return reader.status();
}

}  // namespace purser::config
