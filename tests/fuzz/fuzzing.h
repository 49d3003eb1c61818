// What the fuzz targets have in common: a resource to ask and to change, and how a broken promise
// ends the run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "broker/domain/resource.h"
#include "broker/scim/filter.h"
#include "nlohmann/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace purser::fuzzing {

// Ends the process where `promise` was broken, as a crash that the fuzzer keeps the input of.
inline void Must(bool kept, const char* promise) {
  if (kept) return;
  std::fprintf(stderr, "broken: %s\n", promise);
  std::abort();
}

inline std::string TextOf(const uint8_t* data, size_t size) {
  return std::string(reinterpret_cast<const char*>(data), size);
}

inline Resource SampleUser() {
  Resource user;
  user.id = "0192f0c1-0000-7000-8000-000000000001";
  user.version = 7;
  user.attributes = nlohmann::json::parse(R"({
    "userName": "ada@example.com", "active": true, "title": "Countess",
    "name": {"givenName": "Ada", "familyName": "Byron"},
    "emails": [{"value": "ada@example.com", "type": "work", "primary": true},
               {"value": "ada@home.example", "type": "home"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
        {"department": "Engines", "manager": {"value": "0192f0c1-0000-7000-8000-000000000002"}},
    "urn:acme:params:scim:schemas:hr:2.0:User":
        {"costCode": "A1", "badge": "7", "floor": 3, "skills": ["a", "b"], "rating": "no number",
         "parking": {"lot": "P1"}, "devices": [{"value": "x", "type": "phone"}]}})");
  return user;
}

// What is held of a resource is never null, [] or {}, at any depth (domain/resource.h).
inline bool IsCanonical(const nlohmann::json& value) {
  if (!value.is_structured()) return true;
  for (const nlohmann::json& item : value) {
    if (item.is_null() || (item.is_structured() && item.empty()) || !IsCanonical(item)) {
      return false;
    }
  }
  return true;
}

}  // namespace purser::fuzzing
