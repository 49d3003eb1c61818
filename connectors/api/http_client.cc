#include "connectors/api/http_client.h"

#include "absl/strings/match.h"

namespace purser::connectors {

absl::string_view HttpResponse::Header(absl::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (absl::EqualsIgnoreCase(key, name)) return value;
  }
  return {};
}

}  // namespace purser::connectors
