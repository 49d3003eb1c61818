#include "broker/projections/indexed_values.h"

#include <utility>

#include "broker/scim/json_walk.h"

namespace purser {
namespace {

constexpr absl::string_view kEnterprise =
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

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
