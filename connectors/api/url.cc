#include "connectors/api/url.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace purser::connectors {
namespace {

bool IsUnreserved(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_' ||
         c == '~';
}

// "user:password@host:8443" of a URL, and what stands before and after it.
struct Parts {
  absl::string_view scheme;  // "https://"
  absl::string_view authority;
  absl::string_view rest;
};

Parts Split(absl::string_view url) {
  Parts parts;
  const size_t scheme_end = url.find("://");
  if (scheme_end != absl::string_view::npos) {
    parts.scheme = url.substr(0, scheme_end + 3);
    url.remove_prefix(scheme_end + 3);
  }
  const size_t end = std::min(url.find_first_of("/?#"), url.size());
  parts.authority = url.substr(0, end);
  parts.rest = url.substr(end);
  const size_t at = parts.authority.rfind('@');
  if (at != absl::string_view::npos) parts.authority.remove_prefix(at + 1);
  return parts;
}

// Some apps know an account by its mail address.
std::string WithoutAddresses(absl::string_view path) {
  std::vector<absl::string_view> segments = absl::StrSplit(path, '/');
  for (absl::string_view& segment : segments) {
    if (absl::StrContains(segment, "@") || absl::StrContains(segment, "%40")) segment = "..";
  }
  return absl::StrJoin(segments, "/");
}

}  // namespace

std::string PercentEncode(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (IsUnreserved(c)) {
      out.push_back(c);
    } else {
      constexpr char kHex[] = "0123456789ABCDEF";
      const auto byte = static_cast<unsigned char>(c);
      out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return out;
}

std::string JoinUrl(absl::string_view base, const std::vector<std::string>& segments,
                    const Query& query) {
  base = base.substr(0, base.find('#'));
  const std::pair<absl::string_view, absl::string_view> halves =
      absl::StrSplit(base, absl::MaxSplits('?', 1));
  absl::string_view path = halves.first;
  while (absl::ConsumeSuffix(&path, "/")) continue;
  std::string out(path);
  for (const std::string& segment : segments) absl::StrAppend(&out, "/", PercentEncode(segment));
  char separator = '?';
  if (!halves.second.empty()) {
    absl::StrAppend(&out, "?", halves.second);
    separator = '&';
  }
  for (const auto& [name, value] : query) {
    out.push_back(separator);
    absl::StrAppend(&out, PercentEncode(name), "=", PercentEncode(value));
    separator = '&';
  }
  return out;
}

std::string RedactUrl(absl::string_view url) {
  const Parts parts = Split(url.substr(0, url.find('#')));
  const std::pair<absl::string_view, absl::string_view> halves =
      absl::StrSplit(parts.rest, absl::MaxSplits('?', 1));
  std::string out = absl::StrCat(parts.scheme, parts.authority, WithoutAddresses(halves.first));
  if (halves.second.empty()) return out;
  std::vector<absl::string_view> names;
  for (absl::string_view parameter : absl::StrSplit(halves.second, '&')) {
    names.push_back(parameter.substr(0, parameter.find('=')));
  }
  absl::StrAppend(&out, "?", absl::StrJoin(names, "&"));
  return out;
}

std::string HostOf(absl::string_view url) {
  absl::string_view authority = Split(url).authority;
  if (absl::StartsWith(authority, "[")) {
    return absl::AsciiStrToLower(authority.substr(0, authority.find(']') + 1));
  }
  return absl::AsciiStrToLower(authority.substr(0, authority.find(':')));
}

}  // namespace purser::connectors
