#include "engine/model/stamp.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "engine/model/value_text.h"

namespace syncline {
namespace {

Value Text(std::string_view text) { return Value(ValueView::Text(text)); }
Value Int(int64_t number) { return Value(ValueView::Int(number)); }
Value Real(double number) { return Value(ValueView::Double(number)); }

// What the value stands for, as text; "-": nothing.
std::string MomentOf(const Value& value) {
  const std::optional<int64_t> us = StampOf(value);
  return us ? ToText(Value(ValueView::TimestampTz(*us))) : "-";
}

TEST(MomentTest, EveryFormOfOneMomentIsThatMoment) {
  const std::string moment = "2026-01-02 10:00:00.000000+00";
  for (const char* text :
       {"2026-01-02 10:00:00", "2026-01-02T10:00:00", "2026-01-02 10:00", "2026-01-02T10:00Z",
        "2026-01-02T10:00:00.000Z", "2026-01-02 10:00:00.0000000+00", "2026-01-02T19:00:00+09:00",
        "2026-01-02 05:00:00-0500", "2026-01-02 12:00:00 +0200", "2026-01-02 10:00:00 UTC",
        "1767348000", "1767348000000", "1767348000000000", "1767348000000000000", "1767348000.0",
        "2461042.916666667"}) {
    EXPECT_EQ(MomentOf(Text(text)), moment) << text;
  }
  for (const int64_t number :
       {1'767'348'000L, 1'767'348'000'000L, 1'767'348'000'000'000L, 1'767'348'000'000'000'000L}) {
    EXPECT_EQ(MomentOf(Int(number)), moment) << number;
  }
  EXPECT_EQ(MomentOf(Real(1767348000.0)), moment);
  EXPECT_EQ(MomentOf(Real(2461042.9166666665)), moment);
  EXPECT_EQ(MomentOf(Value(ValueView::Decimal("1767348000.000"))), moment);
}

TEST(MomentTest, DaysAreTheirFirstMoment) {
  for (const Value& day : {Text("2026-01-02"), Text("20260102"), Int(20260102), Real(20260102.0),
                           Real(2461042.5), *FromText(Type::kDate, "2026-01-02")}) {
    EXPECT_EQ(MomentOf(day), "2026-01-02 00:00:00.000000+00") << ToText(day);
  }
}

TEST(MomentTest, AFractionIsRoundedToTheMicrosecond) {
  EXPECT_EQ(MomentOf(Text("2026-01-02 10:00:00.1234567")), "2026-01-02 10:00:00.123457+00");
  EXPECT_EQ(MomentOf(Text("2026-01-02 23:59:59.9999999Z")), "2026-01-03 00:00:00.000000+00");
  EXPECT_EQ(MomentOf(Text("2026-01-02 10:00:00.123456789")), "2026-01-02 10:00:00.123457+00");
}

// Fails when words are read as PostgreSQL reads them, or a form that could be two is guessed.
TEST(MomentTest, WordsAndWhatIsAmbiguousAreNoMoment) {
  for (const char* text : {"now",
                           "NOW",
                           "today",
                           "tomorrow",
                           "yesterday",
                           "epoch",
                           "allballs",
                           "Infinity",
                           "",
                           " ",
                           "unknown",
                           "01/02/2026",
                           "02.01.2026",
                           "26-01-02",
                           "2026-02-30",
                           "2026-1-2",
                           "2026-01-02 25:00:00",
                           "2026-01-02 10:00:00 PM",
                           "2026-01-02 10:00:00+16:00",
                           "42",
                           "20261345",
                           "20260102101112",
                           "2461042",
                           "v0001",
                           "1e9"}) {
    EXPECT_EQ(MomentOf(Text(text)), "-") << text;
  }
  for (const int64_t number : {int64_t{1}, int64_t{-86400}, int64_t{99'999'999}, int64_t{20261345},
                               int64_t{2461042}, int64_t{20260102101112}}) {
    EXPECT_EQ(MomentOf(Int(number)), "-") << number;
  }
  EXPECT_EQ(MomentOf(Value(ValueView::Bool(true))), "-");
  EXPECT_EQ(MomentOf(Value(ValueView::Bytes("2026-01-02"))), "-");
}

// A column of times says that a number is one.
TEST(MomentTest, SmallNumbersAreSecondsWhereATimeIsMeant) {
  EXPECT_EQ(ReadMoment(Int(86'400))->us, *StampOf(Text("1970-01-02")));
  EXPECT_EQ(ReadMoment(Real(-0.25))->us, *StampOf(Text("1969-12-31 23:59:59.75")));
  EXPECT_EQ(ReadMoment(Int(20260102))->us, *StampOf(Text("2026-01-02")));
  for (const int64_t number : {20261345L, 2461042L, 20260102101112L}) {
    EXPECT_FALSE(ReadMoment(Int(number))) << number;
  }
  EXPECT_FALSE(ReadMoment(Text("86400")));
}

TEST(MomentTest, FarMomentsHaveTheCanonicalForm) {
  EXPECT_EQ(StampOf(Text("infinity")), kPositiveInfinity);
  EXPECT_EQ(StampOf(Text("-infinity")), kNegativeInfinity);
  EXPECT_LT(*StampOf(Text("0044-03-15 BC")), *StampOf(Text("0001-01-01")));
  EXPECT_GT(*StampOf(Text("12026-01-01 00:00:00+00")), *StampOf(Text("9999-12-31")));
}

TEST(MomentTest, VersionsThatAreNoMomentsCompareAsTheyAre) {
  EXPECT_TRUE(CompareStamps(Int(9), Int(10)) < 0);
  EXPECT_TRUE(CompareStamps(Int(99'999'999), Int(100'000'000)) < 0);
  EXPECT_TRUE(CompareStamps(Text("9"), Int(10)) < 0);
  EXPECT_TRUE(CompareStamps(Text("v0001"), Text("v0002")) < 0);
  EXPECT_TRUE(CompareStamps(Value(), Int(1)) < 0);
  EXPECT_TRUE(CompareStamps(Value(), Value()) == 0);
  const int64_t big = int64_t{1} << 62;
  EXPECT_TRUE(CompareStamps(Int(big), Int(big + 1)) < 0);
}

TEST(MomentTest, WhatNobodyCanTellIsUnordered) {
  const auto unordered = std::partial_ordering::unordered;
  EXPECT_EQ(CompareStamps(Text("2026-01-02"), Text("unknown")), unordered);
  EXPECT_EQ(CompareStamps(Text("2026-01-02"), Int(7)), unordered);
  EXPECT_EQ(CompareStamps(Text("now"), *FromText(Type::kTimestampTz, "2026-01-02")), unordered);
}

TEST(MomentTest, AMomentIsWrittenInTheFormThatItWasReadIn) {
  const Value stamps[] = {Text("2026-01-02"), Text("2026-01-02 10:00"), Text("2026-01-02T10:00:00"),
                          Int(20260102),      Int(1767348000),          Text("1767348000"),
                          Int(1767348000123), Int(1767348000123456),    Int(1767348000123456000)};
  for (const Value& value : stamps) {
    const Stamp stamp = *ReadStamp(value);
    EXPECT_EQ(WriteStamp(stamp.form, stamp.us), value) << ToText(value);
    EXPECT_EQ(StampFormNamed(NameOf(stamp.form)), stamp.form) << NameOf(stamp.form);
  }
  const Stamp east = *ReadStamp(Text("2026-01-01 00:00:00.500+02:00"));
  EXPECT_EQ(ToText(WriteStamp(east.form, east.us - 1)), "2026-01-01 00:00:00");
  EXPECT_EQ(Describe(east.form), "YYYY-MM-DD HH:MM:SS+02:00");
  EXPECT_EQ(StampFormNamed(NameOf(east.form)), east.form);
}

// Fails when a number that no integer holds counts as a text: it would have no place among numbers.
TEST(MomentTest, NumbersBeyondAllMomentsAreVersionsInTheirOrder) {
  for (const std::string& digits : {std::string(30, '9'), std::string(400, '9') + ".5"}) {
    EXPECT_EQ(MomentOf(Text(digits)), "-");
    EXPECT_TRUE(CompareStamps(Text(digits), Int(1767348000)) > 0) << digits;
    EXPECT_TRUE(CompareStamps(Text("-" + digits), Int(-7)) < 0) << digits;
  }
}

}  // namespace
}  // namespace syncline
