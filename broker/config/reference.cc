#include "broker/config/reference.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "broker/base/status.h"

namespace purser::config {
namespace {

constexpr absl::string_view kForms = "write ${env:NAME} or ${file:/absolute/path}";

bool IsVariableName(absl::string_view name) {
  if (name.empty() || absl::ascii_isdigit(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

absl::Status CheckInside(absl::string_view inside) {
  if (absl::ConsumePrefix(&inside, "env:")) {
    if (IsVariableName(inside)) return absl::OkStatus();
    return absl::InvalidArgumentError("not the name of an environment variable after ${env:");
  }
  if (absl::ConsumePrefix(&inside, "file:")) {
    if (inside.size() > 1 && inside[0] == '/') return absl::OkStatus();
    return absl::InvalidArgumentError("the path after ${file: must be absolute");
  }
  return absl::InvalidArgumentError(absl::StrCat("an unknown kind of reference; ", kForms));
}

bool IsLoopback(absl::string_view host) {
  if (absl::EqualsIgnoreCase(host, "localhost") || host == "[::1]") return true;
  return absl::StartsWith(host, "127.") && std::all_of(host.begin(), host.end(), [](char c) {
           return absl::ascii_isdigit(c) || c == '.';
         });
}

// Splits "host:port", the host perhaps in brackets; false where the port is no port.
bool SplitHost(absl::string_view authority, absl::string_view* host) {
  const size_t bracket = authority.rfind(']');
  const size_t colon = authority.rfind(':');
  const bool has_port =
      colon != absl::string_view::npos && (bracket == absl::string_view::npos || colon > bracket);
  *host = has_port ? authority.substr(0, colon) : authority;
  int port = 0;
  return !has_port ||
         (absl::SimpleAtoi(authority.substr(colon + 1), &port) && port > 0 && port < 65536);
}

}  // namespace

bool HasReference(absl::string_view text) { return absl::StrContains(text, "${"); }

absl::Status CheckReferences(absl::string_view text) {
  for (size_t begin = text.find("${"); begin != absl::string_view::npos;
       begin = text.find("${", begin + 2)) {
    const size_t end = text.find('}', begin);
    if (end == absl::string_view::npos) {
      return absl::InvalidArgumentError(absl::StrCat("a reference is not closed; ", kForms));
    }
    RETURN_IF_ERROR(CheckInside(text.substr(begin + 2, end - begin - 2)));
  }
  return absl::OkStatus();
}

absl::Status CheckSecretReference(absl::string_view text) {
  const bool whole = absl::StartsWith(text, "${") && text.find('}') == text.size() - 1;
  if (!whole) {
    return absl::InvalidArgumentError(
        absl::StrCat("a secret stands here by reference alone, never itself; ", kForms));
  }
  return CheckReferences(text);
}

absl::Status CheckAppUrl(absl::string_view url) {
  const bool secure = absl::StartsWithIgnoreCase(url, "https://");
  if (!secure && !absl::StartsWithIgnoreCase(url, "http://")) {
    return absl::InvalidArgumentError("not an URL; write https://HOST/PATH");
  }
  const absl::string_view rest = url.substr(secure ? 8 : 7);
  const absl::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (absl::StrContains(authority, "@")) {
    return absl::InvalidArgumentError("an URL must hold no user or password; use credentials");
  }
  absl::string_view host;
  if (!SplitHost(authority, &host) || host.empty() ||
      std::any_of(url.begin(), url.end(), [](char c) { return absl::ascii_isspace(c); })) {
    return absl::InvalidArgumentError("not an URL; write https://HOST/PATH");
  }
  if (absl::StrContains(rest, "#")) {
    return absl::InvalidArgumentError("an URL here must have no fragment (#)");
  }
  if (!secure && !IsLoopback(host)) {
    return absl::InvalidArgumentError("http is for loopback addresses alone; write https");
  }
  return absl::OkStatus();
}

}  // namespace purser::config
