// UserListService1.svc/GetData: a table of users, by columns and a text search.
#pragma once

#include "connectors/sandbox/replicon_directory.h"
#include "connectors/sandbox/replicon_values.h"
#include "nlohmann/json.hpp"

namespace purser::sandbox {

// Fills `*data` with {"header": [...], "rows": [...]}: page `page` (from 1) of `pagesize` rows of
// those whose value *contains* the searched text. No total; the last page is short. With
// `ignore_filter` everyone is a hit.
RepliconFault ListUsers(const nlohmann::json& body, const RepliconDirectory& directory,
                        bool ignore_filter, nlohmann::json* data);

}  // namespace purser::sandbox
