#include "connectors/catalog/templates/templates.h"

#include <utility>

namespace purser::connectors {

// Written by embed_texts() from the files.
const std::vector<std::pair<absl::string_view, absl::string_view>>& EmbeddedTemplates();

std::vector<std::string> TemplateNames() {
  std::vector<std::string> names;
  for (const auto& [name, yaml] : EmbeddedTemplates()) names.emplace_back(name);
  return names;
}

absl::string_view TemplateYaml(absl::string_view name) {
  for (const auto& [known, yaml] : EmbeddedTemplates()) {
    if (known == name) return yaml;
  }
  return "";
}

config::TemplateSource CatalogTemplates() { return {TemplateNames(), &TemplateYaml}; }

}  // namespace purser::connectors
