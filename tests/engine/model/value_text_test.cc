#include "engine/model/value_text.h"

#include <gtest/gtest.h>

#include <random>

#include "engine/model/calendar.h"
#include "samples.h"

namespace syncline {
namespace {

constexpr int64_t kYear294276 = 9223371331199999999;  // PostgreSQL's last microsecond
constexpr int64_t kYear4713Bc = -211813488000000000;  // and its first

TEST(ValueTextTest, WritesWhatPostgresWrites) {
  EXPECT_EQ(ToText(ValueView::TimestampTz(0)), "2000-01-01 00:00:00.000000+00");
  EXPECT_EQ(ToText(ValueView::Timestamp(-1)), "1999-12-31 23:59:59.999999");
  EXPECT_EQ(ToText(ValueView::Timestamp(kYear294276)), "294276-12-31 23:59:59.999999");
  EXPECT_EQ(ToText(ValueView::TimestampTz(kYear4713Bc)), "4714-11-24 00:00:00.000000+00 BC");
  EXPECT_EQ(ToText(ValueView::Timestamp(kPositiveInfinity)), "infinity");
  EXPECT_EQ(ToText(ValueView::Date(kNegativeInfinity)), "-infinity");
  EXPECT_EQ(ToText(ValueView::Date(DaysFromCivil({-43, 3, 15}))), "0044-03-15 BC");
  EXPECT_EQ(ToText(ValueView::Date(2145031948)), "5874897-12-31");
  EXPECT_EQ(ToText(ValueView::Time(kMicrosecondsPerDay)), "24:00:00.000000");
  EXPECT_EQ(ToText(ValueView::Double(0.1)), "0.1");
  EXPECT_EQ(ToText(ValueView::Double(-0.0)), "-0");
  EXPECT_EQ(ToText(ValueView::Bytes(std::string_view("\x00\xff", 2))), "\\x00ff");
  EXPECT_EQ(ToText(ValueView::Uuid("0123456789abcdef")), "30313233-3435-3637-3839-616263646566");
  EXPECT_EQ(ToText(ValueView::Bool(true)), "true");
}

TEST(ValueTextTest, ReadsBackWhatItWrites) {
  std::vector<ValueView> values = SampleValues();
  for (const int64_t us : {kYear294276, kYear4713Bc, int64_t{-1}, kMicrosecondsPerDay - 1}) {
    values.push_back(ValueView::Timestamp(us));
    values.push_back(ValueView::TimestampTz(us));
  }
  for (const ValueView value : values) {
    // Only what is a date or a time can be read as one: the numbers of SampleValues go beyond.
    const bool out_of_range =
        value.type() == Type::kTime && (value.as_int() < 0 || value.as_int() > kMicrosecondsPerDay);
    const bool infinite_number = value.type() == Type::kDate && value.as_int() == kPositiveInfinity;
    if (value.is_null() || out_of_range || infinite_number) continue;
    const std::optional<Value> read = FromText(value.type(), ToText(value));
    ASSERT_TRUE(read.has_value()) << ToText(value);
    EXPECT_EQ(read->view(), value) << ToText(value);
  }
}

TEST(ValueTextTest, ReadsTheUsualIsoForms) {
  const auto tz = [](const char* text) { return FromText(Type::kTimestampTz, text); };
  const Value expected(
      ValueView::TimestampTz(DaysFromCivil({2026, 3, 1}) * kMicrosecondsPerDay + 3600'500'000));
  EXPECT_EQ(tz("2026-03-01T01:00:00.5Z"), expected);
  EXPECT_EQ(tz("2026-03-01 03:00:00.5+02"), expected);
  EXPECT_EQ(tz("2026-03-01 03:00:00.500+0200"), expected);
  EXPECT_EQ(tz("2026-02-28 19:30:00.5-05:30"), expected);
  EXPECT_EQ(tz("2026-03-01 01:00:00.5"), expected);
  EXPECT_EQ(FromText(Type::kTimestamp, "2026-03-01"),
            Value(ValueView::Timestamp(DaysFromCivil({2026, 3, 1}) * kMicrosecondsPerDay)));
  EXPECT_EQ(FromText(Type::kTimestamp, "2026-03-01 00:00"),
            FromText(Type::kTimestamp, "2026-03-01"));
}

// Fails when one of them is read as digits.
TEST(ValueTextTest, DecimalsThatAreNoNumbersAreDecimals) {
  for (const char* text : {"NaN", "Infinity", "-Infinity"}) {
    const std::optional<Value> value = FromText(Type::kDecimal, text);
    ASSERT_TRUE(value) << text;
    EXPECT_EQ(ToText(*value), text);
  }
}

// Fails when a field is not checked: each of these is one step from a value.
TEST(ValueTextTest, RefusesWhatIsNotOneExactly) {
  for (const char* text :
       {"", "2026-02-29", "2026-13-01", "2026-00-10", "26-01-01", "2026-1-01",
        "2026-01-01 24:00:01", "2026-01-01 12:60:00", "2026-01-01 12:00:60", "2026-01-01 12:00:00.",
        "2026-01-01 12:00:00.1234567", "2026-01-01 12:00:00+01", "2026-01-01 ", "2026-01-01 12",
        "2026-01-01x", "0000-01-01", "Infinity", "999999-01-01", " 2026-01-01"}) {
    EXPECT_FALSE(FromText(Type::kTimestamp, text)) << text;
  }
  for (const char* text : {"", "-", "1.", ".5", "1e5", "1.2.3", "+1", "0x1", "nan"}) {
    EXPECT_FALSE(FromText(Type::kDecimal, text)) << text;
  }
  for (const char* text : {"", "1.5", "9223372036854775808", " 1", "0x10"}) {
    EXPECT_FALSE(FromText(Type::kInt, text)) << text;
  }
  for (const char* text : {"", "inf", "nan", "1e999", "1x", "infinity"}) {
    EXPECT_FALSE(FromText(Type::kDouble, text)) << text;
  }
  EXPECT_FALSE(FromText(Type::kUuid, "30313233-3435-3637-3839-61626364656"));
  EXPECT_FALSE(FromText(Type::kUuid, "30313233-3435-3637-3839+616263646566"));
  EXPECT_FALSE(FromText(Type::kBytes, "\\x0"));
  EXPECT_FALSE(FromText(Type::kBytes, "\\xzz"));
  EXPECT_FALSE(FromText(Type::kBool, "1"));
}

// Fails when fractions are not padded: then ".5" sorts behind ".45".
TEST(ValueTextTest, TextOrderIsTimeOrder) {
  std::mt19937_64 random(20261122);
  const int64_t year1 = DaysFromCivil({1, 1, 1}), year9999 = DaysFromCivil({9999, 12, 31});
  std::uniform_int_distribution<int64_t> any(year1 * kMicrosecondsPerDay,
                                             year9999 * kMicrosecondsPerDay);
  for (int i = 0; i < 2000; ++i) {
    const int64_t a = any(random),
                  b = i % 2 ? any(random) : a + static_cast<int64_t>(random() % 2'000'000);
    EXPECT_EQ(ToText(ValueView::TimestampTz(a)) < ToText(ValueView::TimestampTz(b)), a < b)
        << a << " " << b;
  }
}

// Fails when a sum of days overflows (UBSan says so, and the text is nonsense).
TEST(ValueTextTest, NoDayIsTooFarAwayToBeWritten) {
  EXPECT_EQ(ToText(ValueView::Date(kPositiveInfinity - 1)), "25252734927768554-07-26");
  EXPECT_EQ(ToText(ValueView::Date(kNegativeInfinity + 1)), "25252734927764556-06-07 BC");
}

TEST(CalendarTest, DaysAndDatesAreInverse) {
  for (int64_t days = -2451545; days <= 2145031948; days += 9973) {
    const CivilDate date = CivilFromDays(days);
    ASSERT_TRUE(IsValid(date));
    ASSERT_EQ(DaysFromCivil(date), days);
  }
}

}  // namespace
}  // namespace syncline
