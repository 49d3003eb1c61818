#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/base/status.h"
#include "broker/config/configuration.h"
#include "broker/config/kafka_security.h"

namespace purser::config {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<std::string> Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file.good() && !file.eof()) {
    return absl::NotFoundError(absl::StrCat("cannot read ", path));
  }
  return text;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> FilesAt(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) {
    return absl::NotFoundError(absl::StrCat("no such file: ", path));
  }
  std::vector<std::string> files;
  if (!error && !fs::is_directory(status)) return std::vector<std::string>{path};
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    const std::string extension = it->path().extension().string();
    if (extension == ".yaml" || extension == ".yml") files.push_back(it->path().string());
  }
  if (error) return absl::UnavailableError(absl::StrCat("reading ", path, ": ", error.message()));
  std::sort(files.begin(), files.end());
  if (files.empty()) return absl::NotFoundError(absl::StrCat("no *.yaml file in ", path));
  return files;
}

absl::StatusOr<LoadedConfiguration> LoadFiles(const std::vector<std::string>& paths) {
  LoadedConfiguration loaded;
  std::vector<std::string> errors;
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(const std::vector<std::string> files, FilesAt(path));
    for (const std::string& file : files) {
      ASSIGN_OR_RETURN(const std::string text, Contents(file));
      const absl::Status read = ReadYaml(text, file, &loaded.configuration, &loaded.places);
      if (!read.ok()) errors.emplace_back(read.message());
    }
  }
  if (!errors.empty()) return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
  return loaded;
}

absl::StatusOr<config::v1::KafkaSecurity> LoadKafkaSecurity(const std::string& file,
                                                            bool loopback) {
  ASSIGN_OR_RETURN(const std::string text, Contents(file));
  config::v1::KafkaSecurity security;
  Places places;
  RETURN_IF_ERROR(ReadYaml(text, file, &security, &places));
  std::vector<std::string> errors;
  for (const Problem& problem : CheckKafkaSecurity(security, loopback)) {
    const auto place = places.find(problem.path);
    errors.push_back(absl::StrCat(place == places.end() ? file : place->second, ": ", problem.path,
                                  problem.path.empty() ? "" : ": ", problem.message));
  }
  if (!errors.empty()) return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
  return security;
}

}  // namespace purser::config
