#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "broker/admin/apply.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"

namespace purser {
namespace {

using admin::v1::FieldChange;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::TextFormat;
using google::protobuf::util::MessageDifferencer;

// "userName" of the mapping row, else the element's number.
std::string ElementLabel(const Message& parent, const FieldDescriptor& field, int index) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    const Message& element = parent.GetReflection()->GetRepeatedMessage(parent, &field, index);
    for (const char* key : {"target", "group", "user", "value"}) {
      const FieldDescriptor* named = element.GetDescriptor()->FindFieldByName(key);
      if (named == nullptr || named->is_repeated()) continue;
      std::string label = element.GetReflection()->GetString(element, named);
      if (!label.empty()) return label;
    }
  }
  return absl::StrCat(index);
}

std::string ValueText(const Message& parent, const MessageDifferencer::SpecificField& field,
                      int index) {
  TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  std::string text;
  printer.PrintFieldValueToString(parent, field.field, field.field->is_repeated() ? index : -1,
                                  &text);
  if (field.field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) absl::AsciiStrToLower(&text);
  return std::string(absl::StripAsciiWhitespace(text));
}

class Collector : public MessageDifferencer::Reporter {
 public:
  using Path = std::vector<MessageDifferencer::SpecificField>;

  Collector(const Message& before, const Message& after) : before_(before), after_(after) {}

  void ReportAdded(const Message&, const Message& after, const Path& path) override {
    Add(after_, path, false)->set_after(ValueText(after, path.back(), path.back().new_index));
  }
  void ReportDeleted(const Message& before, const Message&, const Path& path) override {
    Add(before_, path, true)->set_before(ValueText(before, path.back(), path.back().index));
  }
  void ReportModified(const Message& before, const Message& after, const Path& path) override {
    // What changed within a message is reported by itself.
    if (path.back().field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) return;
    FieldChange* change = Add(before_, path, true);
    change->set_before(ValueText(before, path.back(), path.back().index));
    change->set_after(ValueText(after, path.back(), path.back().new_index));
  }

  std::vector<FieldChange> Take() { return std::move(changes_); }

 private:
  FieldChange* Add(const Message& root, const Path& path, bool left) {
    changes_.emplace_back().set_path(PathText(root, path, left));
    return &changes_.back();
  }

  // users.rows[userName].source
  static std::string PathText(const Message& root, const Path& path, bool left) {
    std::string text;
    const Message* parent = &root;
    for (const MessageDifferencer::SpecificField& step : path) {
      const FieldDescriptor* field = step.field;
      const int index = left ? step.index : step.new_index;
      absl::StrAppend(&text, text.empty() ? "" : ".", field->name());
      if (field->is_repeated()) {
        absl::StrAppend(&text, "[", ElementLabel(*parent, *field, index), "]");
      }
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) break;
      parent = field->is_repeated()
                   ? &parent->GetReflection()->GetRepeatedMessage(*parent, field, index)
                   : &parent->GetReflection()->GetMessage(*parent, field);
    }
    return text;
  }

  const Message& before_;
  const Message& after_;
  std::vector<FieldChange> changes_;
};

}  // namespace

std::vector<FieldChange> FieldChanges(const Message& before, const Message& after) {
  MessageDifferencer differencer;
  const auto* rows = config::v1::ResourceMapping::descriptor()->FindFieldByName("rows");
  const auto* target = config::v1::MappingRow::descriptor()->FindFieldByName("target");
  differencer.TreatAsMap(rows, target);
  Collector collector(before, after);
  differencer.ReportDifferencesTo(&collector);
  differencer.Compare(before, after);
  return collector.Take();
}

}  // namespace purser
