#include "engine/base/cron.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/base/error.h"

namespace syncline {
namespace {

using namespace std::chrono;
using testing::AllOf;
using testing::HasSubstr;

WallClock At(year_month_day date, seconds time) { return local_days(date) + time; }

// A Sunday.
constexpr year_month_day kSunday = 2026y / 11 / 29;

std::string MessageFor(const std::string& text) {
  try {
    Cron::Parse(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    EXPECT_NE(error.hint(), "");
    return error.message();
  }
  return "accepted";
}

TEST(CronTest, FiveFieldsMeanSecondZero) {
  const Cron five = Cron::Parse("*/30 * * * *"), six = Cron::Parse("0 */30 * * * *");
  for (const Cron& cron : {five, six}) {
    EXPECT_TRUE(cron.Matches(At(kSunday, 7h + 30min)));
    EXPECT_FALSE(cron.Matches(At(kSunday, 7h + 30min + 1s)));
    EXPECT_FALSE(cron.Matches(At(kSunday, 7h + 31min)));
  }
}

TEST(CronTest, ListsRangesStepsNamesAndSevenForSunday) {
  const auto matches = [](const std::string& text, seconds time = 0s) {
    return Cron::Parse(text).Matches(At(kSunday, time));
  };
  EXPECT_TRUE(matches("0 0 0 ? nov sun"));
  EXPECT_TRUE(matches("0 0 * * 7"));
  EXPECT_TRUE(matches("0 0 * * FRI-SUN"));
  EXPECT_TRUE(matches("0 0 * * 5-7"));
  EXPECT_TRUE(matches("0 0 * * SUN-TUE"));
  EXPECT_FALSE(matches("0 0 * * 1-6"));
  EXPECT_TRUE(matches("1,7-9,20/10 * * * *", 50min));
  EXPECT_FALSE(matches("1,7-9,20/10 * * * *", 45min));
  EXPECT_TRUE(matches("10-50/20 * * * *", 30min));
  EXPECT_FALSE(matches("10-50/20 * * * *", 20min));
  EXPECT_TRUE(matches("@weekly"));
  EXPECT_FALSE(matches("@monthly"));
  EXPECT_TRUE(matches("@hourly", 5h));
}

// Fails when both have to fit, and when either will do although one of them begins with a star.
TEST(CronTest, OfDayAndWeekdayEitherWillDoWhereBothAreRestricted) {
  EXPECT_TRUE(Cron::Parse("0 0 13 * SUN").Matches(At(kSunday, 0s)));
  EXPECT_TRUE(Cron::Parse("0 0 29 * FRI").Matches(At(kSunday, 0s)));
  EXPECT_FALSE(Cron::Parse("0 0 13 * FRI").Matches(At(kSunday, 0s)));
  EXPECT_FALSE(Cron::Parse("0 0 */2 * FRI").Matches(At(kSunday, 0s)));
  EXPECT_TRUE(Cron::Parse("0 0 */2 * SUN").Matches(At(kSunday, 0s)));
  EXPECT_FALSE(Cron::Parse("0 0 13 * *").Matches(At(kSunday, 0s)));
}

TEST(CronTest, NextFindsLeapDaysAndRespectsItsEnd) {
  const Cron leap = Cron::Parse("0 0 29 2 *");
  EXPECT_EQ(leap.Next(At(kSunday, 0s), WallClock::max()), At(2028y / 2 / 29, 0s));
  EXPECT_EQ(leap.Next(At(kSunday, 0s), At(2028y / 2 / 29, 0s)), std::nullopt);
  EXPECT_EQ(leap.Next(At(2096y / 2 / 29, 1s), WallClock::max()), At(2104y / 2 / 29, 0s));
  const Cron evening = Cron::Parse("5 30 22 * * *");
  EXPECT_EQ(evening.Next(At(kSunday, 22h + 30min + 5s), WallClock::max()),
            At(kSunday, 22h + 30min + 5s));
  EXPECT_EQ(evening.Next(At(kSunday, 22h + 30min + 6s), WallClock::max()),
            At(2026y / 11 / 30, 22h + 30min + 5s));
}

// Fails when a field's limits are not checked, and when a schedule that never comes is accepted.
TEST(CronTest, AMistakeNamesTheFieldAndWhatWasExpected) {
  EXPECT_THAT(MessageFor("60 * * * * *"),
              AllOf(HasSubstr("the second is \"60\""), HasSubstr("a number from 0 to 59")));
  EXPECT_THAT(MessageFor("60 * * * *"), HasSubstr("the minute is \"60\""));
  EXPECT_THAT(MessageFor("0 24 * * *"), HasSubstr("the hour is \"24\""));
  EXPECT_THAT(MessageFor("0 0 0 * *"), HasSubstr("the day of the month is \"0\""));
  EXPECT_THAT(MessageFor("0 0 * 13 *"), HasSubstr("a name (JAN to DEC)"));
  EXPECT_THAT(MessageFor("0 0 * * MOO"), HasSubstr("the weekday is \"MOO\""));
  EXPECT_THAT(MessageFor("0 0 * * 8"), HasSubstr("the weekday is \"8\""));
  EXPECT_THAT(MessageFor("*/0 * * * *"), HasSubstr("a step from 1 to 60"));
  EXPECT_THAT(MessageFor("*/61 * * * *"), HasSubstr("a step from 1 to 60"));
  EXPECT_THAT(MessageFor("9-5 * * * *"), HasSubstr("whose first value is the smaller"));
  EXPECT_THAT(MessageFor("1-2-3 * * * *"), HasSubstr("a range of two values"));
  EXPECT_THAT(MessageFor("1,,2 * * * *"), HasSubstr("the minute is \"\""));
  EXPECT_THAT(MessageFor("-1 * * * *"), HasSubstr("the minute is \"\""));
  EXPECT_THAT(MessageFor("* * * *"), HasSubstr("has 4 fields, expected six"));
  EXPECT_THAT(MessageFor("@reboot"), HasSubstr("has 1 fields"));
  EXPECT_THAT(MessageFor("0 0 31 2 *"), HasSubstr("never comes"));
  EXPECT_THAT(MessageFor("0 0 31 4,6,9,11 *"), HasSubstr("never comes"));
  EXPECT_EQ(MessageFor("0 0 31 2 MON"), "accepted") << "the weekday will do";
}

}  // namespace
}  // namespace syncline
