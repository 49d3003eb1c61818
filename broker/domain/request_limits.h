// How much one SCIM request may ask for.
#pragma once

#include <cstddef>
#include <cstdint>

namespace purser {

// Value type; as it is made: of every directory. One may be configured to allow less.
struct RequestLimits {
  uint64_t results = 1000;        // resources on one page of a list
  size_t bulk_operations = 1000;  // of one bulk request
  size_t body_bytes = 32u << 20;
};

}  // namespace purser
