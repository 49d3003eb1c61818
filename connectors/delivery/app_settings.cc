#include "connectors/delivery/app_settings.h"

#include <algorithm>

#include "broker/base/status.h"

namespace purser::delivery {
namespace {

config::v1::Leaver Or(config::v1::Leaver value, config::v1::Leaver otherwise) {
  return value == config::v1::LEAVER_UNSPECIFIED ? otherwise : value;
}

absl::Duration Or(const google::protobuf::Duration& value, absl::Duration otherwise) {
  const absl::Duration given = absl::Seconds(value.seconds()) + absl::Nanoseconds(value.nanos());
  return given > absl::ZeroDuration() ? given : otherwise;
}

AllowedActions ActionsOf(const config::v1::ResourceMapping& mapping) {
  const config::v1::Actions& actions = mapping.actions();
  return {actions.create() != config::v1::OFF, actions.update() != config::v1::OFF,
          actions.delete_() != config::v1::OFF};
}

}  // namespace

absl::StatusOr<std::shared_ptr<const AppSettings>> CompileSettings(
    const AppEntry& entry, const config::v1::Directory& directory) {
  auto settings = std::make_shared<AppSettings>();
  settings->entry = entry;
  const config::v1::App& app = entry.app;
  ASSIGN_OR_RETURN(settings->users, mapping::CompileMapping(app, event::v1::USER, directory));
  ASSIGN_OR_RETURN(settings->groups, mapping::CompileMapping(app, event::v1::GROUP, directory));
  ASSIGN_OR_RETURN(settings->scope, mapping::CompileScope(app, directory));
  settings->user_actions = ActionsOf(app.users());
  settings->group_actions = ActionsOf(app.groups());
  settings->inactive = Or(app.deprovision().inactive(), config::v1::DEACTIVATE);
  settings->out_of_scope = Or(app.deprovision().out_of_scope(), config::v1::DEACTIVATE);
  settings->deleted = Or(app.deprovision().deleted(), config::v1::REMOVE);
  settings->call_timeout = Or(app.timing().call_timeout(), absl::Seconds(30));
  settings->settling_time = Or(app.timing().settling_time(), absl::Seconds(5));
  settings->create_visible_within = Or(app.timing().create_visible_within(), absl::Seconds(10));
  const int fixed = static_cast<int>(app.limits().concurrent_calls());
  const int limit = static_cast<int>(app.limits().max_concurrent_calls());
  settings->first_concurrency = fixed > 0 ? fixed : 4;
  settings->max_concurrency = std::max(settings->first_concurrency, fixed > 0 ? fixed : limit);
  return settings;
}

}  // namespace purser::delivery
