// What tells the three SCIM applications apart: data, from their own texts.
#pragma once

#include <string>

#include "connectors/sandbox/scim_schema.h"

namespace purser::sandbox {

enum class IdForm { kUuid, kDecimal, kHex };

struct ScimProfile {
  std::string app;        // "recnice"
  std::string base_path;  // "/recnice/scim"
  ScimSchema users;
  ScimSchema groups;
  bool has_groups = false;
  bool phone_is_e164 = false;
  IdForm id_form = IdForm::kUuid;
};

const ScimProfile& RecniceProfile();
const ScimProfile& PreciateProfile();
const ScimProfile& AlexisHrProfile();

// True for + and 2 to 15 digits, the first not 0: "+16175551212".
bool IsE164(absl::string_view phone);

}  // namespace purser::sandbox
