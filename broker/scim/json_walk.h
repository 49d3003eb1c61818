// A way through a JSON text that is known to be sound, building no more of it than is asked for.
#pragma once

#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"

namespace purser {

// Walks a JSON text from value to value; each call takes what it names, or is false where the text
// goes on otherwise.
class JsonWalk {
 public:
  explicit JsonWalk(absl::string_view text) : rest_(text) {}

  // Calls `member` with each name; it takes the value. A name is as it is written: one with an
  // escape in it is none that anybody asks for.
  template <typename Member>
  bool Object(const Member& member) {
    if (!Take('{')) return Skip();
    if (Take('}')) return true;
    do {
      absl::string_view name;
      if (!Quoted(&name) || !Take(':') || !member(name)) return false;
    } while (Take(','));
    return Take('}');
  }

  // Calls `element` where each element begins; it takes it. What is no array is skipped.
  template <typename Element>
  bool Array(const Element& element) {
    if (!Take('[')) return Skip();
    if (Take(']')) return true;
    do {
      if (!element()) return false;
    } while (Take(','));
    return Take(']');
  }

  // Takes a value; `text` is set where it is a string.
  bool String(std::string* text) {
    if (!Sees('"')) return Skip();
    absl::string_view quoted;
    if (!Quoted(&quoted)) return false;
    if (quoted.find('\\') == absl::string_view::npos) {
      *text = std::string(quoted);
      return true;
    }
    auto parsed = nlohmann::json::parse('"' + std::string(quoted) + '"', nullptr, false);
    if (!parsed.is_string()) return false;
    *text = parsed.get_ref<std::string&>();
    return true;
  }

  // Takes a value; `raw` is its text, without white space around it.
  bool Raw(absl::string_view* raw) {
    if (at_end()) return false;
    const absl::string_view before = rest_;
    if (!Skip()) return false;
    *raw = before.substr(0, before.size() - rest_.size());
    return true;
  }

  // Takes a value whole; as nlohmann::json::parse() does, in a third of its time.
  bool Value(nlohmann::json* value) {
    if (Sees('"')) {
      *value = std::string();
      return String(value->get_ptr<std::string*>());
    }
    if (Sees('{')) {
      auto& object = *(*value = nlohmann::json::object()).get_ptr<nlohmann::json::object_t*>();
      return Object([&](absl::string_view name) {
        // No attribute has a name that must be escaped.
        if (name.find('\\') != absl::string_view::npos) return false;
        // They stand in order, as they were written.
        return Value(&object.emplace_hint(object.end(), std::string(name), nullptr)->second);
      });
    }
    if (Sees('[')) {
      auto& array = *(*value = nlohmann::json::array()).get_ptr<nlohmann::json::array_t*>();
      return Array([&] { return Value(&array.emplace_back()); });
    }
    absl::string_view word;
    if (!Raw(&word)) return false;
    *value = nlohmann::json::parse(word.begin(), word.end(), nullptr, false);
    return !value->is_discarded();
  }

  bool Skip() {
    if (at_end()) return false;
    const char* at = rest_.data();
    const char* const end = at + rest_.size();
    int depth = 0;
    do {
      switch (*at) {
        case '"':
          at = Closing(at + 1, end);
          if (at++ == nullptr) return false;
          break;
        case '{':
        case '[':
          ++depth;
          ++at;
          break;
        case '}':
        case ']':
          --depth;
          ++at;
          break;
        default:
          if (depth == 0 && EndsWord(*at)) return false;
          while (++at < end && depth == 0 && !EndsWord(*at)) continue;
      }
    } while (depth > 0 && at < end);
    rest_.remove_prefix(static_cast<size_t>(at - rest_.data()));
    return depth == 0;
  }

  // Whether `c` comes next, after white space.
  bool Sees(char c) { return !at_end() && rest_.front() == c; }

  bool at_end() {
    while (!rest_.empty() && absl::ascii_isspace(rest_.front())) rest_.remove_prefix(1);
    return rest_.empty();
  }

 private:
  bool Take(char c) {
    if (!Sees(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // A string, without its quotes and with its escapes.
  bool Quoted(absl::string_view* text) {
    if (!Take('"')) return false;
    const char* const close = Closing(rest_.data(), rest_.data() + rest_.size());
    if (close == nullptr) return false;
    *text = rest_.substr(0, static_cast<size_t>(close - rest_.data()));
    rest_.remove_prefix(text->size() + 1);
    return true;
  }
  // The quote that ends the string whose text begins at `at`; nullptr where none does.
  static const char* Closing(const char* at, const char* end) {
    const auto* close = static_cast<const char*>(std::memchr(at, '"', Size(at, end)));
    if (close == nullptr || std::memchr(at, '\\', Size(at, close)) == nullptr) return close;
    while (at < end && *at != '"') at += *at == '\\' ? 2 : 1;
    return at < end ? at : nullptr;
  }
  static size_t Size(const char* from, const char* to) { return static_cast<size_t>(to - from); }
  // Whether a number, true, false or null has ended.
  static bool EndsWord(char c) {
    switch (c) {
      case ',':
      case ':':
      case ']':
      case '}':
      case '[':
      case '{':
      case '"':
        return true;
      default:
        return absl::ascii_isspace(c);
    }
  }

  absl::string_view rest_;
};

}  // namespace purser
