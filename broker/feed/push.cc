#include "broker/feed/push.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace purser::feed {
namespace {

constexpr absl::Duration kLongestPause = absl::Minutes(5);
constexpr absl::Duration kLongestAskedFor = absl::Hours(1);

// {"err", "description"} of an error body; empty where it has none.
std::pair<std::string, std::string> ErrorIn(const PushAnswer& answer) {
  const auto body = nlohmann::json::parse(answer.body, nullptr, false);
  if (!body.is_object()) return {};
  const auto text = [&](const char* name) {
    const auto it = body.find(name);
    return it != body.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  return {text("err"), text("description")};
}

}  // namespace

PushVerdict JudgePush(const PushAnswer& answer) {
  if (answer.status >= 200 && answer.status < 300) return PushVerdict::kAccepted;
  if (answer.status == 413 || answer.status == 422) return PushVerdict::kRefused;
  const bool about_it = answer.status == 400 && ErrorIn(answer).first == "invalid_request";
  return about_it ? PushVerdict::kRefused : PushVerdict::kLater;
}

RefusedEvent RefusalIn(const std::string& jti, const PushAnswer& answer) {
  const auto [error, description] = ErrorIn(answer);
  RefusedEvent refused = RefusedOf(jti, error, description);
  if (error.empty()) {
    refused.error = answer.status == 0 ? answer.error : absl::StrCat("HTTP ", answer.status);
  }
  return refused;
}

absl::Duration PushPause(int failures, double chance, const std::string& retry_after) {
  const absl::Duration longest =
      std::min(kLongestPause, absl::Seconds(1) * (int64_t{1} << std::clamp(failures - 1, 0, 16)));
  int seconds = 0;
  absl::Duration asked;
  if (absl::SimpleAtoi(retry_after, &seconds) && seconds > 0) asked = absl::Seconds(seconds);
  return std::max(std::min(asked, kLongestAskedFor), longest * (0.5 + chance / 2));
}

}  // namespace purser::feed
