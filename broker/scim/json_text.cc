#include "broker/scim/json_text.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/scim/error.h"
#include "nlohmann/json.hpp"

namespace purser::scim {
namespace {

using nlohmann::json;

// Builds the value while it holds to the limits; nlohmann's parser itself does not recurse.
class Builder {
 public:
  Builder(json* root, int max_depth) : root_(root), max_depth_(max_depth) {}

  bool null() { return Put(nullptr); }
  bool boolean(bool value) { return Put(value); }
  bool number_integer(int64_t value) { return Put(value); }
  bool number_unsigned(uint64_t value) { return Put(value); }
  bool number_float(double value, const std::string&) { return Put(value); }
  bool string(std::string& value) { return Put(std::move(value)); }
  bool binary(json::binary_t&) { return false; }

  bool start_object(size_t) { return Open(json::object()); }
  bool start_array(size_t) { return Open(json::array()); }
  bool end_object() { return Close(); }
  bool end_array() { return Close(); }

  bool key(std::string& name) {
    Level& level = open_.back();
    if (IsTwice(level, name)) {
      error_ = "an object holds one attribute name twice";
      return false;
    }
    level.slot = &(*level.value)[std::move(name)];
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) {
    error_ = absl::StrCat("the body is not JSON, at byte ", position);
    return false;
  }

  const std::string& error() const { return error_; }

 private:
  struct Level {
    json* value = nullptr;
    json* slot = nullptr;                         // where the value of the last key goes
    absl::flat_hash_set<std::string> names = {};  // lower case, once there are many
  };

  json* Place(json&& value) {
    if (open_.empty()) {
      *root_ = std::move(value);
      return root_;
    }
    Level& level = open_.back();
    if (level.value->is_array()) {
      level.value->push_back(std::move(value));
      return &level.value->back();
    }
    *level.slot = std::move(value);
    return level.slot;
  }

  bool Put(json value) {
    Place(std::move(value));
    return true;
  }

  bool Open(json value) {
    if (static_cast<int>(open_.size()) >= max_depth_) {
      error_ = absl::StrCat("the body is nested deeper than ", max_depth_);
      return false;
    }
    open_.push_back(Level{Place(std::move(value))});
    return true;
  }

  bool Close() {
    open_.pop_back();
    return true;
  }

  // Few names are compared one by one; from the 17th on a set keeps it linear.
  static bool IsTwice(Level& level, const std::string& name) {
    const json::object_t& object = *level.value->get_ptr<json::object_t*>();
    if (object.size() < 16) {
      for (const auto& [other, value] : object) {
        if (absl::EqualsIgnoreCase(other, name)) return true;
      }
      return false;
    }
    if (level.names.empty()) {
      for (const auto& [other, value] : object) level.names.insert(absl::AsciiStrToLower(other));
    }
    return !level.names.insert(absl::AsciiStrToLower(name)).second;
  }

  json* root_;
  int max_depth_;
  std::vector<Level> open_;
  std::string error_;
};

void AppendEscape(unsigned char c, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      *out += "\\\"";
      return;
    case '\\':
      *out += "\\\\";
      return;
    case '\n':
      *out += "\\n";
      return;
    case '\r':
      *out += "\\r";
      return;
    case '\t':
      *out += "\\t";
      return;
    default:
      *out += "\\u00";
      out->push_back(kHex[c >> 4]);
      out->push_back(kHex[c & 15]);
  }
}

template <typename Range, typename AppendOne>
void AppendList(char open, char close, const Range& range, std::string* out, AppendOne append_one) {
  out->push_back(open);
  bool first = true;
  for (const auto& item : range) {
    if (!first) out->push_back(',');
    first = false;
    append_one(item);
  }
  out->push_back(close);
}

}  // namespace

absl::StatusOr<json> ParseJson(absl::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return ScimError(413, ErrorType::kNone, "the body is too large");
  }
  json root;
  Builder builder(&root, limits.max_depth);
  if (!json::sax_parse(text.begin(), text.end(), &builder)) {
    return BadRequest(ErrorType::kInvalidSyntax, builder.error());
  }
  return root;
}

void AppendJsonString(absl::string_view text, std::string* out) {
  out->push_back('"');
  size_t from = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out->append(text.data() + from, i - from);
    AppendEscape(c, out);
    from = i + 1;
  }
  out->append(text.data() + from, text.size() - from);
  out->push_back('"');
}

void AppendJson(const json& value, std::string* out) {
  switch (value.type()) {
    case json::value_t::string:
      AppendJsonString(*value.get_ptr<const std::string*>(), out);
      return;
    case json::value_t::boolean:
      *out += value.get<bool>() ? "true" : "false";
      return;
    case json::value_t::object:
      AppendList('{', '}', *value.get_ptr<const json::object_t*>(), out, [out](const auto& member) {
        AppendJsonString(member.first, out);
        out->push_back(':');
        AppendJson(member.second, out);
      });
      return;
    case json::value_t::array:
      AppendList('[', ']', *value.get_ptr<const json::array_t*>(), out,
                 [out](const json& item) { AppendJson(item, out); });
      return;
    default:
      *out += value.dump();
  }
}

}  // namespace purser::scim
