// What a first start puts on the control stream: a directory, tokens, and what --apply names.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/admin/admin_context.h"
#include "broker/app/broker_host.h"
#include "broker/app/serve_options.h"
#include "purser/admin/v1/admin.pb.h"

namespace purser {

// What this node calls itself in the log: minted at the first start, and kept in DIR/node-id.
absl::StatusOr<std::string> NodeId(const std::string& folder, IdSource* ids, const Clock& clock);

// The secret of `--dev`: $PURSER_DEV_TOKEN, else what DIR/dev-token holds, else a new one written
// there, for its owner's eyes alone.
absl::StatusOr<std::string> DevToken(const std::string& folder);

// A private key in PEM that signs what `--dev` hands out: what DIR/dev-signing-key holds, else a
// new one written there.
absl::StatusOr<std::string> DevSigningKey(const std::string& folder);

// A new log may need of its readers what this program knows. Blocks until it says so.
absl::Status PrepareLog(const AdminContext& context);

// The directory `main`, and `secret` as its token and as an admin's; changes nothing where they are
// there already. Blocks until it stands.
absl::Status PrepareDev(const AdminContext& context, const std::string& secret);

// Without --dev: where no live token is an admin's, $PURSER_ADMIN_TOKEN becomes one, else what
// DIR/admin-token holds, else a new one that is written there. Blocks until it stands.
absl::Status PrepareAdminToken(const AdminContext& context, const std::string& folder);

// The files at these paths, and in the folders among them. An error names the one it is about.
absl::StatusOr<std::vector<admin::v1::ConfigFile>> ReadConfigFiles(
    const std::vector<std::string>& paths);

// Applies the files, as `purser apply` does.
absl::Status ApplyFiles(const AdminContext& context,
                        const std::vector<admin::v1::ConfigFile>& files);

}  // namespace purser
