#include "connectors/api/secrets.h"

#include <cstdlib>
#include <fstream>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "broker/base/status.h"

namespace purser::connectors {
namespace {

constexpr size_t kMaxSecretFile = 64 * 1024;

absl::StatusOr<std::string> FromEnvironment(const std::string& name, const std::string& reference) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') {
    return absl::NotFoundError(absl::StrCat(
        reference, " is not set: set it in purser's environment and start purser again"));
  }
  return std::string(value);
}

absl::StatusOr<std::string> FromFile(const std::string& path, const std::string& reference) {
  if (!absl::StartsWith(path, "/")) {
    return absl::InvalidArgumentError(absl::StrCat(reference, " needs an absolute path"));
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(reference, " cannot be read"));
  std::string value(kMaxSecretFile + 1, '\0');
  file.read(value.data(), static_cast<std::streamsize>(value.size()));
  if (file.bad()) return absl::NotFoundError(absl::StrCat(reference, " cannot be read"));
  value.resize(static_cast<size_t>(file.gcount()));
  if (value.size() > kMaxSecretFile) {
    return absl::InvalidArgumentError(absl::StrCat(reference, " holds more than 64 KiB"));
  }
  absl::StripTrailingAsciiWhitespace(&value);
  if (value.empty()) return absl::NotFoundError(absl::StrCat(reference, " is empty"));
  return value;
}

absl::StatusOr<std::string> ReadReference(const std::string& reference) {
  absl::string_view name = reference;
  if (!absl::ConsumePrefix(&name, "${") || !absl::ConsumeSuffix(&name, "}")) {
    return absl::InvalidArgumentError("a secret is given as ${env:NAME} or ${file:/path}");
  }
  if (absl::ConsumePrefix(&name, "env:")) return FromEnvironment(std::string(name), reference);
  if (absl::ConsumePrefix(&name, "file:")) return FromFile(std::string(name), reference);
  return absl::InvalidArgumentError(
      absl::StrCat(reference, " is of no known kind; use ${env:NAME} or ${file:/path}"));
}

}  // namespace

SecretResolver ProcessSecrets() { return ReadReference; }

absl::StatusOr<std::string> ResolveSecrets(absl::string_view text, const SecretResolver& resolver) {
  std::string out;
  while (true) {
    const size_t begin = text.find("${");
    out.append(text.data(), std::min(begin, text.size()));
    if (begin == absl::string_view::npos) return out;
    const size_t end = text.find('}', begin);
    if (end == absl::string_view::npos) {
      return absl::InvalidArgumentError("a reference ${...} is not closed");
    }
    ASSIGN_OR_RETURN(const std::string value,
                     resolver(std::string(text.substr(begin, end + 1 - begin))));
    out.append(value);
    text.remove_prefix(end + 1);
  }
}

std::string ReferencesIn(absl::string_view text) {
  std::vector<absl::string_view> found;
  for (size_t begin = text.find("${"); begin != absl::string_view::npos;) {
    const size_t end = text.find('}', begin);
    if (end == absl::string_view::npos) break;
    found.push_back(text.substr(begin, end + 1 - begin));
    begin = text.find("${", end);
  }
  return absl::StrJoin(found, ", ");
}

}  // namespace purser::connectors
