#include "broker/projections/indexed_values.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace purser {
namespace {

constexpr char kEnterprise[] = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

// Knows where in the text it stands by how deep it is and the names that led there.
class IndexedValuesReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return depth_ > 0; }
  bool boolean(bool) override { return depth_ > 0; }
  bool number_integer(number_integer_t) override { return depth_ > 0; }
  bool number_unsigned(number_unsigned_t) override { return depth_ > 0; }
  bool number_float(number_float_t, const string_t&) override { return depth_ > 0; }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return Enter(/*object=*/true); }
  bool end_object() override { return Leave(); }
  bool start_array(std::size_t) override { return Enter(/*object=*/false); }
  bool end_array() override { return Leave(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

  bool key(string_t& name) override {
    if (depth_ == 1) top_ = name;
    if (depth_ == 2) second_ = name;
    last_is_value_ = name == "value";
    return true;
  }

  bool string(string_t& text) override {
    if (depth_ == 1) {
      if (std::string* value = TopValue()) *value = std::move(text);
    } else if (depth_ == 3 && last_is_value_) {
      if (top_ == "emails" && !text.empty()) values_.emails.push_back(std::move(text));
      if (top_ == kEnterprise && second_ == "manager") values_.manager_id = std::move(text);
    }
    return depth_ > 0;
  }

  IndexedValues Take() { return std::move(values_); }

 private:
  bool Enter(bool object) {
    if (depth_++ == 0) return object;
    if (depth_ == 2) second_.clear();
    last_is_value_ = false;
    return true;
  }
  bool Leave() {
    --depth_;
    return true;
  }
  std::string* TopValue() {
    if (top_ == "userName") return &values_.user_name;
    if (top_ == "externalId") return &values_.external_id;
    if (top_ == "displayName") return &values_.display_name;
    return nullptr;
  }

  int depth_ = 0;
  std::string top_;     // name at the top
  std::string second_;  // name in an object at the top
  bool last_is_value_ = false;
  IndexedValues values_;
};

}  // namespace

absl::StatusOr<IndexedValues> ReadIndexedValues(absl::string_view attributes) {
  IndexedValuesReader reader;
  if (!nlohmann::json::sax_parse(attributes.begin(), attributes.end(), &reader)) {
    return absl::DataLossError("a resource's attributes are not JSON");
  }
  return reader.Take();
}

}  // namespace purser
