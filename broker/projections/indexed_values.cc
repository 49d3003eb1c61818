#include "broker/projections/indexed_values.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"

namespace purser {
namespace {

constexpr absl::string_view kEnterprise =
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

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

bool ReadEmails(JsonWalk* walk, std::vector<std::string>* emails) {
  return walk->Array([&] {
    return walk->Object([&](absl::string_view name) {
      if (name != "value") return walk->Skip();
      std::string email;
      if (!walk->String(&email)) return false;
      if (!email.empty()) emails->push_back(std::move(email));
      return true;
    });
  });
}

bool ReadManager(JsonWalk* walk, std::string* manager_id) {
  return walk->Object([&](absl::string_view name) {
    if (name != "manager") return walk->Skip();
    return walk->Object([&](absl::string_view sub) {
      return sub == "value" ? walk->String(manager_id) : walk->Skip();
    });
  });
}

}  // namespace

absl::StatusOr<IndexedValues> ReadIndexedValues(absl::string_view attributes) {
  IndexedValues values;
  JsonWalk walk(attributes);
  const bool whole = walk.Sees('{') && walk.Object([&](absl::string_view name) {
    if (name == "userName") return walk.String(&values.user_name);
    if (name == "externalId") return walk.String(&values.external_id);
    if (name == "displayName") return walk.String(&values.display_name);
    if (name == "emails") return ReadEmails(&walk, &values.emails);
    if (name == kEnterprise) return ReadManager(&walk, &values.manager_id);
    return walk.Skip();
  });
  if (!whole || !walk.at_end()) {
    return absl::DataLossError("a resource's attributes are not JSON");
  }
  return values;
}

}  // namespace purser
