#include "broker/http/target.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace purser::http {
namespace {

int HexValue(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  const char lower = absl::ascii_tolower(digit);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool Decode(absl::string_view text, bool plus_is_space, std::string* decoded) {
  decoded->reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      decoded->push_back(' ');
    } else if (text[i] != '%') {
      decoded->push_back(text[i]);
    } else {
      if (i + 2 >= text.size()) return false;
      const int high = HexValue(text[i + 1]);
      const int low = HexValue(text[i + 2]);
      if (high < 0 || low < 0 || high + low == 0) return false;
      decoded->push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return true;
}

bool DecodeQuery(absl::string_view text, Request* request) {
  while (!text.empty()) {
    const absl::string_view parameter = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), parameter.size() + 1));
    if (parameter.empty()) continue;
    const absl::string_view name = parameter.substr(0, parameter.find('='));
    absl::string_view value = parameter.substr(name.size());
    if (!value.empty()) value.remove_prefix(1);
    auto& [decoded_name, decoded_value] = request->query.emplace_back();
    if (!Decode(name, true, &decoded_name) || !Decode(value, true, &decoded_value)) return false;
  }
  return true;
}

// Removes "https://host:port" from the absolute form.
absl::string_view WithoutAuthority(absl::string_view target) {
  for (absl::string_view scheme : {"http://", "https://"}) {
    if (!absl::StartsWithIgnoreCase(target, scheme)) continue;
    target.remove_prefix(scheme.size());
    const size_t end = target.find_first_of("/?");
    return end == absl::string_view::npos ? "/" : target.substr(end);
  }
  return target;
}

}  // namespace

absl::Status ParseTarget(absl::string_view target, Request* request) {
  target = WithoutAuthority(target);
  if (target == "*") {
    request->path = "*";
    return absl::OkStatus();
  }
  if (absl::StrContains(target, '#')) {
    return absl::InvalidArgumentError("the request's target holds a fragment");
  }
  const absl::string_view path = target.substr(0, target.find('?'));
  if (!path.empty() && path[0] != '/') {
    return absl::InvalidArgumentError("the request's target is not a path");
  }
  absl::string_view query = target.substr(path.size());
  if (!query.empty()) query.remove_prefix(1);
  if (!Decode(path.empty() ? "/" : path, false, &request->path) || !DecodeQuery(query, request)) {
    return absl::InvalidArgumentError("the request's target is not percent-encoded");
  }
  return absl::OkStatus();
}

}  // namespace purser::http
