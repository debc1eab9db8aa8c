#pragma once

#include <cstdint>

// The proleptic Gregorian calendar over the years that PostgreSQL knows (4713 BC to 5874897), which
// is more than std::chrono::year can hold. Algorithms: Howard Hinnant, "chrono-Compatible Low-Level
// Date Algorithms".
namespace syncline {

struct CivilDate {
  int64_t year = 0;  // astronomical: 0 is 1 BC
  int month = 1;
  int day = 1;
};

constexpr int64_t kDaysTo2000 = 10957;                  // from 1970-01-01 to 2000-01-01
constexpr int64_t kUnixEpochUs = -946'684'800'000'000;  // 1970-01-01 counted from 2000-01-01
constexpr double kJulianEpoch = 2'451'544.5;            // 2000-01-01 as a Julian day
constexpr int64_t kMicrosecondsPerDay = 86'400'000'000;

// Days since 2000-01-01.
constexpr int64_t DaysFromCivil(CivilDate date) {
  const int64_t y = date.year - (date.month <= 2);
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const int64_t year_of_era = y - era * 400;
  const int64_t day_of_year =
      (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468 - kDaysTo2000;
}

constexpr CivilDate CivilFromDays(int64_t days_since_2000) {
  // Whole eras of 400 years are set aside first, so that the sum holds for every number of days.
  const int64_t z = days_since_2000 % 146097 + kDaysTo2000 + 719468;  // positive
  const int64_t era = days_since_2000 / 146097 + z / 146097;
  const int64_t day_of_era = z % 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t mp = (5 * day_of_year + 2) / 153;
  const int month = static_cast<int>(mp < 10 ? mp + 3 : mp - 9);
  return {year_of_era + era * 400 + (month <= 2), month,
          static_cast<int>(day_of_year - (153 * mp + 2) / 5 + 1)};
}

constexpr bool IsValid(CivilDate date) {
  constexpr int kDays[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (date.month < 1 || date.month > 12 || date.day < 1) return false;
  const bool leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);
  return date.day <= kDays[date.month - 1] - (date.month == 2 && !leap);
}

}  // namespace syncline
