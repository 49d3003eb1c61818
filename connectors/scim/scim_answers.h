// Is it an answer of the SCIM protocol, and what does it say? Strict: doubt is never success.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "connectors/api/app_client.h"

namespace purser::connectors::scim {

// What a success must look like.
enum class Expected {
  kList,      // a ListResponse
  kResource,  // an object with an id
  kCreated,   // the same; without an id an account may exist all the same: in doubt
  kChanged,   // 204 and nothing, or an object with an id
  kAnything,  // a body is not needed: DELETE
};

// Overrules the verdict by status where the body says otherwise: a 2xx that is no SCIM is
// kNotTheProtocol; scimType `uniqueness` is kConflict; a 404 that is a web page, or that answers
// a list or a create, means a wrong address. Adds scimType and the harmless words of `detail`.
void JudgeAnswer(Expected expected, const std::vector<std::string>& fields, Answer* answer);

// One page of a ListResponse.
struct ListPage {
  nlohmann::json resources = nlohmann::json::array();
  std::optional<int64_t> total;
};
ListPage ParseList(const nlohmann::json& body);

// The ETag of an answer: its header, else meta.version.
std::string EtagOf(const Answer& answer);

}  // namespace purser::connectors::scim
