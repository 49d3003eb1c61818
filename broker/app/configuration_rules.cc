#include "broker/app/configuration_rules.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/base/status.h"
#include "broker/config/configuration.h"
#include "broker/config/yaml_reader.h"
#include "broker/config/yaml_writer.h"
#include "connectors/catalog/templates/templates.h"

namespace purser {
namespace {

absl::Status ToStatus(absl::string_view what, const std::string& name,
                      const std::vector<config::Problem>& problems) {
  if (problems.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrJoin(problems, "\n", [&](std::string* out, const config::Problem& problem) {
        absl::StrAppend(out, what, " ", name, ": ", problem.path, ": ", problem.message);
      }));
}

absl::StatusOr<config::v1::Configuration> Parse(absl::string_view yaml, const std::string& file) {
  config::LoadedConfiguration loaded;
  RETURN_IF_ERROR(config::ReadYaml(yaml, file, &loaded.configuration, &loaded.places));
  RETURN_IF_ERROR(config::CheckConfiguration(loaded, connectors::CatalogTemplates()));
  return loaded.configuration;
}

}  // namespace

ConfigurationRules MakeConfigurationRules() {
  ConfigurationRules rules;
  rules.parse = &Parse;
  rules.complete = [](const config::v1::App& app) {
    return config::CompleteApp(app, connectors::CatalogTemplates());
  };
  rules.check_app = [](const config::v1::App& app) {
    return ToStatus("app", app.name(), config::CheckApp(app, connectors::CatalogTemplates()));
  };
  rules.check_directory = [](const config::v1::Directory& directory) {
    return ToStatus("directory", directory.name(), config::CheckDirectory(directory));
  };
  rules.print = [](const config::v1::Configuration& configuration) {
    return config::ToYaml(configuration);
  };
  return rules;
}

}  // namespace purser
