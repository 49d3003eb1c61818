// The templates of the catalogue (connectors/catalog/*.yaml), as they are built into the program.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "broker/config/configuration.h"

namespace purser::connectors {

// "alexishr", "preciate", ...: sorted.
std::vector<std::string> TemplateNames();

// The YAML of one of TemplateNames(), empty for any other name. Lives as long as the process.
absl::string_view TemplateYaml(absl::string_view name);

// What broker/config takes.
config::TemplateSource CatalogTemplates();

}  // namespace purser::connectors
