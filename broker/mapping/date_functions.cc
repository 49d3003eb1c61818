// Functions over dates and times, all in UTC.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/base/status.h"
#include "broker/mapping/date_text.h"
#include "broker/mapping/function.h"

namespace purser::mapping {
namespace {

using nlohmann::json;

absl::StatusOr<absl::Time> Time(const FunctionCall& call) {
  if (!call.context()->generate) {
    return absl::FailedPreconditionError(
        absl::StrCat(call.node().function->name, ": the time is not known here"));
  }
  const std::string text = call.context()->generate(Generated::kNow, call.GenerateKey());
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &error)) return time;
  return absl::InternalError(absl::StrCat("the time made up for an expression: ", error));
}

absl::StatusOr<json> Now(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const absl::Time now, Time(call));
  return json(FormatIncumbentDate(now));
}

// Not the incumbent's: the day it is where the app is, "2026-03-09".
absl::StatusOr<json> Today(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const absl::Time now, Time(call));
  return json(absl::FormatTime("%Y-%m-%d", now, call.context()->time_zone));
}

}  // namespace

const std::vector<Function>& DateFunctions() {
  static const auto* const kFunctions =
      new std::vector<Function>{{"Now", 0, 0, Now}, {"Today", 0, 0, Today}};
  return *kFunctions;
}

}  // namespace purser::mapping
