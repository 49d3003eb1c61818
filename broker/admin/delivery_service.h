// What was exchanged with an app: the latest calls, and the one that a lane's last try ended with.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "broker/admin/admin_context.h"
#include "purser/admin/v1/admin.pb.h"

namespace purser {

// The latest exchanges first, as far as they are kept. NotFound for an unknown app or user.
absl::StatusOr<admin::v1::ListDeliveriesResponse> ListDeliveries(
    const AdminContext& context, const Caller& caller,
    const admin::v1::ListDeliveriesRequest& request);

// The exchange that the lane's last outcome holds; nullopt where it holds none. It is on the app's
// own stream, so it is there however old it is.
absl::StatusOr<std::optional<admin::v1::Exchange>> LastExchange(const AdminContext& context,
                                                                const AppEntry& app,
                                                                const Lane& lane);

// "POST https://x/Users answered 409 after 20 ms: sent userName; scimType uniqueness"
std::string ExchangeText(const admin::v1::Exchange& exchange);

}  // namespace purser
