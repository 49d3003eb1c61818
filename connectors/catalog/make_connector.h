// Which code speaks to an app: the one place that knows every connector.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "broker/base/clock.h"
#include "connectors/api/connector.h"
#include "connectors/api/http_client.h"
#include "connectors/api/secrets.h"
#include "purser/config/v1/config.pb.h"

namespace purser::connectors {

// `app` is complete (its template applied). `http` and `clock` outlive the connector; secrets are
// resolved at each call, so a missing one is no error here.
// InvalidArgument where the configuration lacks what the connector needs, naming the field.
absl::StatusOr<std::unique_ptr<Connector>> MakeConnector(const config::v1::App& app,
                                                         HttpClient* http, SecretResolver secrets,
                                                         const Clock& clock = SystemClock());

}  // namespace purser::connectors
