// What the read model indexes of a resource's attributes.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace purser {

// Empty where the attribute is not assigned.
struct IndexedValues {
  std::string user_name;
  std::string external_id;
  std::string display_name;
  std::string manager_id;
  std::vector<std::string> emails;
};

// Read from the text alone, which builds no document. DataLoss where it is no JSON object; what is
// not indexed is passed over and checked no further than that.
absl::StatusOr<IndexedValues> ReadIndexedValues(absl::string_view attributes);

}  // namespace purser
