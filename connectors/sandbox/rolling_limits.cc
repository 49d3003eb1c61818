#include "connectors/sandbox/rolling_limits.h"

#include <utility>

#include "absl/strings/match.h"
#include "connectors/sandbox/json_access.h"

namespace purser::sandbox {

using nlohmann::json;

absl::Status RollingLimits::Set(const json& limits) {
  const auto error = absl::InvalidArgumentError(
      "limits must be a list of {\"calls\": 60, \"per_seconds\": 60}, with operation and "
      "retry_after where wanted");
  if (!limits.is_array()) return error;
  std::vector<Limit> parsed;
  for (const json& document : limits) {
    const json* calls = Member(document, "calls");
    const json* seconds = Member(document, "per_seconds");
    if (calls == nullptr || seconds == nullptr || !seconds->is_number()) return error;
    if (AsInteger(*calls).value_or(0) < 1 || seconds->get<double>() <= 0) return error;
    Limit limit;
    limit.calls = static_cast<size_t>(*AsInteger(*calls));
    limit.window = absl::Seconds(seconds->get<double>());
    limit.operation = TextMember(document, "operation");
    const json* tell = Member(document, "retry_after");
    limit.tell_when = tell != nullptr && AsBoolean(*tell).value_or(false);
    parsed.push_back(std::move(limit));
  }
  limits_ = std::move(parsed);
  document_ = limits;
  return absl::OkStatus();
}

std::optional<Exceeded> RollingLimits::Take(absl::string_view operation, absl::Duration now) {
  std::vector<Limit*> counted;
  for (Limit& limit : limits_) {
    if (!limit.operation.empty() && !absl::EqualsIgnoreCase(limit.operation, operation)) continue;
    while (!limit.taken.empty() && limit.taken.front() + limit.window <= now) {
      limit.taken.pop_front();
    }
    if (limit.taken.size() >= limit.calls) {
      return Exceeded{limit.taken.front() + limit.window - now, limit.tell_when};
    }
    counted.push_back(&limit);
  }
  for (Limit* limit : counted) limit->taken.push_back(now);
  return std::nullopt;
}

}  // namespace purser::sandbox
