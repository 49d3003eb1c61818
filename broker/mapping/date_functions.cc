// Functions over dates and times, all in UTC.
#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/base/status.h"
#include "broker/mapping/date_format.h"
#include "broker/mapping/date_text.h"
#include "broker/mapping/function.h"

namespace purser::mapping {
namespace {

using nlohmann::json;

// Years that .NET's dates can hold.
constexpr int64_t kLastYear = 9999;

absl::StatusOr<absl::Time> CurrentTime(const FunctionCall& call) {
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

absl::Status Failed(const FunctionCall& call, const absl::Status& status) {
  return Annotate(status, call.node().function->name);
}

absl::StatusOr<absl::Time> DateArgument(const FunctionCall& call, size_t index) {
  ASSIGN_OR_RETURN(const std::string text, call.Text(index));
  auto time = ParseDate(text);
  if (!time.ok()) return Failed(call, time.status());
  return time;
}

// The argument's text in lower case: "yyyy", "m", "ww", ...
absl::StatusOr<std::string> IntervalArgument(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const std::string text, call.Text(0));
  return absl::AsciiStrToLower(text);
}

absl::Status UnknownInterval(const FunctionCall& call) {
  return absl::InvalidArgumentError(absl::StrCat(call.node().function->name,
                                                 ": the interval must be one of yyyy, q, m, y, d, "
                                                 "w, ww, h, n, s"));
}

absl::StatusOr<json> Now(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const absl::Time now, CurrentTime(call));
  return json(FormatIncumbentDate(now));
}

// Not the incumbent's: the day it is where the app is, "2026-03-09".
absl::StatusOr<json> Today(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const absl::Time now, CurrentTime(call));
  return json(absl::FormatTime("%Y-%m-%d", now, call.context()->time_zone));
}

absl::StatusOr<json> CDate(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const json value, call.Value(0));
  if (IsEmptyValue(value)) return json();
  ASSIGN_OR_RETURN(const absl::Time time, DateArgument(call, 0));
  return json(FormatIncumbentDate(time));
}

// The length of an interval that always has the same; zero for any other text.
absl::Duration UnitOf(absl::string_view interval) {
  if (interval == "d" || interval == "y") return absl::Hours(24);
  if (interval == "w") return absl::Hours(7 * 24);
  if (interval == "h") return absl::Hours(1);
  if (interval == "n") return absl::Minutes(1);
  return interval == "s" ? absl::Seconds(1) : absl::ZeroDuration();
}

// A month later than 31 January is the last day of February.
absl::Time AddMonths(absl::Time time, int64_t months) {
  const absl::CivilSecond from = absl::ToCivilSecond(time, absl::UTCTimeZone());
  const absl::CivilMonth month = absl::CivilMonth(from) + months;
  const int last = (absl::CivilDay(month + 1) - 1).day();
  const absl::CivilSecond to(month.year(), month.month(), std::min(from.day(), last), from.hour(),
                             from.minute(), from.second());
  return absl::FromCivil(to, absl::UTCTimeZone());
}

absl::StatusOr<json> DateAdd(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const std::string interval, IntervalArgument(call));
  ASSIGN_OR_RETURN(const int64_t number, call.Integer(1));
  ASSIGN_OR_RETURN(absl::Time time, DateArgument(call, 2));
  constexpr int64_t kMost = int64_t{1} << 40;
  const int64_t n = std::clamp(number, -kMost, kMost);
  if (interval == "yyyy" || interval == "q" || interval == "m") {
    time = AddMonths(time, n * (interval == "m" ? 1 : interval == "q" ? 3 : 12));
  } else {
    // A weekday is added as a day and counted as a week, as Visual Basic does.
    const absl::Duration unit = interval == "w"    ? absl::Hours(24)
                                : interval == "ww" ? absl::Hours(7 * 24)
                                                   : UnitOf(interval);
    if (unit == absl::ZeroDuration()) return UnknownInterval(call);
    time += n * unit;
  }
  const int64_t year = absl::ToCivilYear(time, absl::UTCTimeZone()).year();
  if (year < 1 || year > kLastYear) {
    return absl::InvalidArgumentError("DateAdd: the date is beyond the year 9999 or before 1");
  }
  return json(FormatIncumbentDate(time));
}

absl::CivilDay SundayBefore(absl::CivilDay day) {
  return absl::GetWeekday(day) == absl::Weekday::sunday
             ? day
             : absl::PrevWeekday(day, absl::Weekday::sunday);
}

// As Visual Basic counts: days and less by the time that passed, weeks by the Sundays between,
// months and years by the calendar.
absl::StatusOr<json> DateDiff(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const std::string interval, IntervalArgument(call));
  ASSIGN_OR_RETURN(const absl::Time from, DateArgument(call, 1));
  ASSIGN_OR_RETURN(const absl::Time to, DateArgument(call, 2));
  const absl::CivilSecond a = absl::ToCivilSecond(from, absl::UTCTimeZone());
  const absl::CivilSecond b = absl::ToCivilSecond(to, absl::UTCTimeZone());
  const absl::Duration passed = to - from;
  if (interval == "yyyy") return json(b.year() - a.year());
  if (interval == "m") return json(absl::CivilMonth(b) - absl::CivilMonth(a));
  if (interval == "q") {
    return json((b.year() - a.year()) * 4 + (b.month() - 1) / 3 - (a.month() - 1) / 3);
  }
  if (interval == "ww") {
    return json((SundayBefore(absl::CivilDay(b)) - SundayBefore(absl::CivilDay(a))) / 7);
  }
  const absl::Duration unit = UnitOf(interval);
  if (unit == absl::ZeroDuration()) return UnknownInterval(call);
  absl::Duration rest;
  return json(absl::IDivDuration(passed, unit, &rest));
}

// 100 ns ticks between 1601-01-01 and the Unix epoch: Windows' file times.
constexpr int64_t kTicksAtEpoch = 116'444'736'000'000'000;

absl::StatusOr<json> DateFromNum(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const json value, call.Value(0));
  if (IsEmptyValue(value)) return json();
  ASSIGN_OR_RETURN(const int64_t ticks, call.Integer(0));
  if (ticks < 0 || ticks > 2'650'467'743'999'999'999) {
    return absl::InvalidArgumentError("DateFromNum: no date between 1601 and 9999");
  }
  return json(
      FormatIncumbentDate(absl::UnixEpoch() + (ticks - kTicksAtEpoch) * absl::Nanoseconds(100)));
}

absl::StatusOr<json> NumFromDate(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const json value, call.Value(0));
  if (IsEmptyValue(value)) return json();
  ASSIGN_OR_RETURN(const absl::Time time, DateArgument(call, 0));
  absl::Duration rest;
  return json(absl::IDivDuration(time - absl::UnixEpoch(), absl::Nanoseconds(100), &rest) +
              kTicksAtEpoch);
}

// The second argument, .NET's styles, changes nothing here: what has no offset is UTC.
absl::StatusOr<json> FormatDateTime(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const std::string text, call.Text(0));
  ASSIGN_OR_RETURN(const std::string in, call.Text(2));
  ASSIGN_OR_RETURN(const std::string out, call.Text(3));
  if (text.empty()) return json();
  const auto time = in.empty() ? ParseDate(text) : ParseInFormat(text, in);
  if (!time.ok()) return Failed(call, time.status());
  return json(out.empty() ? FormatIncumbentDate(*time) : FormatInFormat(*time, out));
}

}  // namespace

const std::vector<Function>& DateFunctions() {
  static const auto* const kFunctions =
      new std::vector<Function>{{"Now", 0, 0, Now},
                                {"Today", 0, 0, Today},
                                {"CDate", 1, 1, CDate},
                                {"DateAdd", 3, 3, DateAdd},
                                {"DateDiff", 3, 3, DateDiff},
                                {"DateFromNum", 1, 1, DateFromNum},
                                {"NumFromDate", 1, 1, NumFromDate},
                                {"FormatDateTime", 4, 4, FormatDateTime}};
  return *kFunctions;
}

}  // namespace purser::mapping
