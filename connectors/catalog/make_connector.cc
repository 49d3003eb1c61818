#include "connectors/catalog/make_connector.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "connectors/replicon/replicon_connector.h"
#include "connectors/scim/scim_connector.h"

namespace purser::connectors {
namespace {

template <typename C>
absl::StatusOr<std::unique_ptr<Connector>> Make(const config::v1::App& app, HttpClient* http,
                                                SecretResolver secrets, const Clock& clock) {
  absl::StatusOr<std::unique_ptr<C>> made = C::Make(app, http, std::move(secrets), clock);
  if (!made.ok()) return Annotate(made.status(), absl::StrCat("app ", app.name()));
  return std::unique_ptr<Connector>(*std::move(made));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Connector>> MakeConnector(const config::v1::App& app,
                                                         HttpClient* http, SecretResolver secrets,
                                                         const Clock& clock) {
  if (app.connector() == "scim") return Make<ScimConnector>(app, http, std::move(secrets), clock);
  if (app.connector() == "replicon") {
    return Make<RepliconConnector>(app, http, std::move(secrets), clock);
  }
  return absl::InvalidArgumentError(absl::StrCat("app ", app.name(), ": connector \"",
                                                 app.connector(), "\" is not scim or replicon"));
}

}  // namespace purser::connectors
