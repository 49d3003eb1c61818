#include "broker/auth/bearer.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace purser::auth {
namespace {

// token68, but with "=" anywhere: secrets that people chose are as good as ours.
bool IsTokenChar(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("-._~+/=", c);
}

}  // namespace

std::optional<absl::string_view> ParseBearer(absl::string_view header) {
  constexpr absl::string_view kScheme = "Bearer ";
  header = absl::StripAsciiWhitespace(header);
  if (!absl::StartsWithIgnoreCase(header, kScheme)) return std::nullopt;
  const absl::string_view token = absl::StripLeadingAsciiWhitespace(header.substr(kScheme.size()));
  if (token.empty() || !std::all_of(token.begin(), token.end(), IsTokenChar)) return std::nullopt;
  return token;
}

}  // namespace purser::auth
