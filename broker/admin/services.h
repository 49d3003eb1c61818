// The gRPC services, each method bound to the function that answers it.
#pragma once

#include <memory>
#include <vector>

#include "broker/admin/admin_context.h"
#include "grpcpp/impl/codegen/service_type.h"

namespace purser {

// `context` outlives them.
std::vector<std::unique_ptr<grpc::Service>> MakeServices(const AdminContext& context);

}  // namespace purser
