#include "broker/mapping/date_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace purser::mapping {

std::string FormatIncumbentDate(absl::Time time) {
  const absl::CivilSecond civil = absl::ToCivilSecond(time, absl::UTCTimeZone());
  const int hour = civil.hour() % 12 == 0 ? 12 : civil.hour() % 12;
  return absl::StrCat(
      civil.month(), "/", civil.day(), "/", absl::Dec(civil.year(), absl::kZeroPad4), " ", hour,
      ":", absl::Dec(civil.minute(), absl::kZeroPad2), ":",
      absl::Dec(civil.second(), absl::kZeroPad2), civil.hour() < 12 ? " AM" : " PM");
}

absl::StatusOr<absl::Time> ParseDate(absl::string_view text) {
  static constexpr const char* kForms[] = {"%Y-%m-%d%Ez",
                                           "%Y-%m-%d",
                                           "%Y-%m-%d%ET%H:%M:%E*S%Ez",
                                           "%Y-%m-%d%ET%H:%M:%E*S",
                                           "%Y-%m-%d %H:%M:%E*S",
                                           "%m/%d/%Y %I:%M:%S %p",
                                           "%m/%d/%Y %I:%M %p",
                                           "%m/%d/%Y %H:%M:%S",
                                           "%m/%d/%Y"};
  const absl::string_view date = absl::StripAsciiWhitespace(text);
  if (date != "infinite-future" && date != "infinite-past") {
    for (const char* form : kForms) {
      absl::Time time;
      std::string error;
      if (absl::ParseTime(form, date, absl::UTCTimeZone(), &time, &error)) return time;
    }
  }
  return absl::InvalidArgumentError("not a date; expected such as 2020-03-16 or RFC 3339");
}

}  // namespace purser::mapping
