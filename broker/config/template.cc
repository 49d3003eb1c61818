#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/nearest.h"
#include "broker/base/status.h"
#include "broker/config/configuration.h"
#include "broker/mapping/mapping.h"

namespace purser::config {
namespace {

using config::v1::App;
using config::v1::MappingRow;
using config::v1::ResourceMapping;

bool SaysValue(const MappingRow& row) {
  return !row.source().empty() || !row.constant().empty() || !row.expression().empty();
}

MappingRow MergeRow(const MappingRow& base, const MappingRow& row) {
  MappingRow merged = base;
  if (SaysValue(row)) {
    merged.clear_source();
    merged.clear_constant();
    merged.clear_expression();
    merged.clear_default_();
    merged.clear_default_apply();
    merged.clear_reference();
    merged.clear_format();
  }
  merged.MergeFrom(row);
  return merged;
}

void CanonicalizeTargets(ResourceMapping* mapping) {
  for (MappingRow& row : *mapping->mutable_rows()) {
    row.set_target(mapping::CanonicalTarget(row.target()));
  }
}

ResourceMapping MergeMapping(const ResourceMapping& base, const ResourceMapping& own) {
  ResourceMapping merged = base;
  ResourceMapping rest = own;
  rest.clear_rows();
  merged.MergeFrom(rest);
  CanonicalizeTargets(&merged);
  for (const MappingRow& row : own.rows()) {
    const std::string target = mapping::CanonicalTarget(row.target());
    auto& rows = *merged.mutable_rows();
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const MappingRow& other) {
      return other.target() == target;
    });
    if (found != rows.end()) {
      *found = MergeRow(*found, row);
    } else {
      *merged.add_rows() = row;
    }
  }
  CanonicalizeTargets(&merged);
  return merged;
}

// Two rows of one target in the app itself stay two, so that the check finds them.
bool HasTwice(const ResourceMapping& mapping) {
  std::vector<std::string> targets;
  for (const MappingRow& row : mapping.rows()) {
    targets.push_back(mapping::CanonicalTarget(row.target()));
  }
  std::sort(targets.begin(), targets.end());
  return std::adjacent_find(targets.begin(), targets.end()) != targets.end();
}

void MergeResource(const ResourceMapping& base, const ResourceMapping& own, ResourceMapping* out) {
  *out = HasTwice(own) ? own : MergeMapping(base, own);
}

}  // namespace

absl::StatusOr<App> FindTemplate(const TemplateSource& templates, absl::string_view name) {
  const auto& names = templates.names;
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    return absl::NotFoundError(
        absl::StrCat("unknown template \"", name, "\"", DidYouMean(name, names)));
  }
  App app;
  RETURN_IF_ERROR(ReadYaml(templates.yaml(name), absl::StrCat("template ", name), &app, nullptr));
  return app;
}

App MergeTemplate(const App& base, const App& app) {
  App merged = base;
  App rest = app;
  rest.clear_users();
  rest.clear_groups();
  if (app.roles_size() > 0) merged.clear_roles();
  merged.MergeFrom(rest);
  MergeResource(base.users(), app.users(), merged.mutable_users());
  MergeResource(base.groups(), app.groups(), merged.mutable_groups());
  return merged;
}

absl::StatusOr<App> CompleteApp(const App& app, const TemplateSource& templates) {
  App base;
  if (!app.template_().empty()) {
    ASSIGN_OR_RETURN(base, FindTemplate(templates, app.template_()));
  }
  App complete = MergeTemplate(base, app);
  if (complete.directory().empty()) complete.set_directory("main");
  return complete;
}

}  // namespace purser::config
