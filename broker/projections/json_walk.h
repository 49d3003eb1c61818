// A way through a JSON text that is known to be sound, without building a document of it.
#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"

namespace purser {

// Walks a JSON text from value to value; each call takes what it names, or is false where the text
// goes on otherwise. Builds nothing but the strings asked for.
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

  // Takes a value; `raw` is its text.
  bool Raw(absl::string_view* raw) {
    const absl::string_view before = rest_;
    if (!Skip()) return false;
    *raw = before.substr(0, before.size() - rest_.size());
    return true;
  }

  bool Skip() {
    int depth = 0;
    do {
      absl::string_view quoted;
      if (Sees('"')) {
        if (!Quoted(&quoted)) return false;
      } else if (Take('{') || Take('[')) {
        ++depth;
        continue;
      } else if (Take('}') || Take(']')) {
        --depth;
      } else if (!(depth > 0 && (Take(',') || Take(':'))) && !Word()) {
        return false;
      }
    } while (depth > 0);
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
    size_t end = rest_.find('"');
    if (rest_.substr(0, end).find('\\') != absl::string_view::npos) {
      for (end = 0; end < rest_.size() && rest_[end] != '"';) end += rest_[end] == '\\' ? 2 : 1;
    }
    if (end >= rest_.size()) return false;
    *text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return true;
  }
  // A number, true, false or null.
  bool Word() {
    const size_t end = std::min(rest_.find_first_of(",:]}[{\" \t\r\n"), rest_.size());
    rest_.remove_prefix(end);
    return end > 0;
  }

  absl::string_view rest_;
};

}  // namespace purser
