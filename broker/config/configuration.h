// Configuration as values: files read, templates merged, everything checked.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/config/yaml_reader.h"
#include "purser/config/v1/config.pb.h"

namespace purser::config {

// What a feed may be asked for, by the last word of RFC 9967's events.
inline constexpr absl::string_view kFeedEvents[] = {"create",   "patch",      "put",      "delete",
                                                    "activate", "deactivate", "asyncresp"};

struct LoadedConfiguration {
  config::v1::Configuration configuration;
  Places places;  // of its fields: "apps[0].url"
};

// The files that `path` names: itself, or the *.yaml and *.yml of a directory in the order of their
// names. NotFound where there is none, Unavailable where it may not be read.
absl::StatusOr<std::vector<std::string>> FilesAt(const std::string& path);

// Reads files, and of directories every *.yaml and *.yml, in the order of their names.
// NotFound for a path that does not exist; InvalidArgument as ReadYaml().
absl::StatusOr<LoadedConfiguration> LoadFiles(const std::vector<std::string>& paths);

// The templates of the catalogue; broker/ does not see it, so that whoever builds the program
// gives it here (connectors/catalog/templates).
struct TemplateSource {
  std::vector<std::string> names;
  // The YAML of one of `names`.
  std::function<absl::string_view(absl::string_view name)> yaml;
};

// The template of that name, as an app. NotFound names the nearest one that exists.
absl::StatusOr<config::v1::App> FindTemplate(const TemplateSource& templates,
                                             absl::string_view name);

// What `app` says over what `base` says. A row of the same target replaces where its value is
// from, and keeps `match` and `required` unless it says otherwise; a list is replaced as a whole.
config::v1::App MergeTemplate(const config::v1::App& base, const config::v1::App& app);

// `app` with its template merged in, if it names one; targets in canonical spelling, the directory
// "main" where none is named. This is what connectors and mappings are made from.
absl::StatusOr<config::v1::App> CompleteApp(const config::v1::App& app,
                                            const TemplateSource& templates);

// One thing wrong: the field ("users.rows[3].source", as the file has it), and what to do.
struct Problem {
  std::string path;
  std::string message;
};

// Everything wrong with an app as it was written, given the directory it is fed from (a default one
// where it is not known yet). No message repeats a secret.
std::vector<Problem> CheckApp(const config::v1::App& app, const TemplateSource& templates,
                              const config::v1::Directory& directory = {});

std::vector<Problem> CheckDirectory(const config::v1::Directory& directory);

// All of a configuration: each directory and app, no name twice, and no app of a directory that is
// not among them. InvalidArgument lists every problem, one a line:
// "four-apps.yaml:7:5: app recnice: url: ...".
absl::Status CheckConfiguration(const LoadedConfiguration& loaded, const TemplateSource& templates);

}  // namespace purser::config
