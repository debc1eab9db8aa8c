#include "engine/log/ordered_key.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "tests/engine/model/samples.h"

namespace syncline {
namespace {

std::string Ordered(ValueView value) {
  std::string out;
  AppendOrdered(value, out);
  return out;
}

TEST(OrderedKeyTest, NumbersAreOrderedAsNumbers) {
  std::minstd_rand random(1);
  std::vector<int64_t> numbers = {0, 1, -1, 127, 128, 255, 256, -255, -256, -257};
  numbers.push_back(std::numeric_limits<int64_t>::min());
  numbers.push_back(std::numeric_limits<int64_t>::max());
  for (int i = 0; i < 2000; ++i) {
    const auto number = static_cast<int64_t>(uint64_t{random()} << 33 | uint64_t{random()} << 2);
    numbers.push_back(number >> random() % 64);
    numbers.push_back(numbers.back() + 1);
  }
  std::ranges::sort(numbers);
  for (size_t i = 1; i < numbers.size(); ++i) {
    EXPECT_EQ(Ordered(ValueView::Int(numbers[i - 1])) < Ordered(ValueView::Int(numbers[i])),
              numbers[i - 1] < numbers[i])
        << numbers[i - 1] << " and " << numbers[i];
  }
}

TEST(OrderedKeyTest, DoublesAreOrderedAsNumbers) {
  const std::vector<double> numbers = {-std::numeric_limits<double>::infinity(),
                                       -1e300,
                                       -2,
                                       -1,
                                       -1e-300,
                                       -0.0,
                                       0.0,
                                       1e-300,
                                       1,
                                       2,
                                       1e300};
  for (size_t i = 1; i < numbers.size(); ++i) {
    EXPECT_LT(Ordered(ValueView::Double(numbers[i - 1])), Ordered(ValueView::Double(numbers[i])));
  }
}

// Fails when a text's end is not marked: ("a", "b") and ("ab", "") would be one key.
TEST(OrderedKeyTest, CompositeKeysAreOrderedColumnByColumn) {
  using namespace std::string_view_literals;
  const std::vector<std::string_view> texts = {
      "", "\0"sv, "\0\0"sv, "\0\1"sv, "\0\xff"sv, "\1", "a", "a\0"sv, "a\0b"sv, "ab", "b", "\xff"};
  std::vector<std::string> keys;
  for (const std::string_view first : texts) {
    for (const std::string_view second : texts) {
      keys.push_back(Ordered(ValueView::Text(first)) + Ordered(ValueView::Text(second)));
    }
  }
  EXPECT_TRUE(std::ranges::is_sorted(keys));
  EXPECT_EQ(std::ranges::adjacent_find(keys), keys.end());
}

// Two keys with one form would be one entry of the row index: a change of one would hide a change
// of the other.
TEST(OrderedKeyTest, DifferentValuesHaveDifferentForms) {
  std::map<std::string, ValueView> forms;
  for (const ValueView value : SampleValues()) {
    const auto [at, is_new] = forms.emplace(Ordered(value), value);
    EXPECT_TRUE(is_new || at->second == value);
  }
}

TEST(OrderedKeyTest, WhatWasWrittenIsReadAgain) {
  std::minstd_rand random(7);
  const std::vector<ValueView> samples = {
      ValueView::Null(),
      ValueView::Bool(true),
      ValueView::Bool(false),
      ValueView::Int(0),
      ValueView::Int(-1),
      ValueView::Int(std::numeric_limits<int64_t>::min()),
      ValueView::Int(std::numeric_limits<int64_t>::max()),
      ValueView::Int(-256),
      ValueView::Double(-0.0),
      ValueView::Double(std::numeric_limits<double>::quiet_NaN()),
      ValueView::Double(-1.5e300),
      ValueView::Text(""),
      ValueView::Text(std::string_view("a\0\0b\xff", 5)),
      ValueView::Bytes(std::string_view("\0", 1)),
      ValueView::Decimal("-1.50"),
      ValueView::Date(-730'000),
      ValueView::TimestampTz(kNegativeInfinity),
      ValueView::Uuid("0123456789abcdef"),
      ValueView::Other("{1,2}")};
  for (int i = 0; i < 2000; ++i) {
    Row row;
    std::string bytes;
    for (size_t columns = 1 + random() % 4; columns > 0; --columns) {
      const ValueView value = samples[random() % samples.size()];
      row.Append(value);
      AppendOrdered(value, bytes);
    }
    ASSERT_EQ(ReadOrdered(bytes), row);
  }
}

// Fails when bytes behind the end are read, or a count, a mark or a type is believed unseen.
TEST(OrderedKeyTest, BytesThatAreNoKeyAreDamage) {
  const auto is_damage = [](std::string_view bytes) {
    try {
      ReadOrdered(bytes);
    } catch (const Error& error) {
      return error.exit_code() == 4;
    }
    return false;
  };
  for (const ValueView value :
       {ValueView::Bool(true), ValueView::Int(-70'000), ValueView::Double(1.5),
        ValueView::Text(std::string_view("a\0b", 3)), ValueView::Uuid("0123456789abcdef")}) {
    const std::string whole = Ordered(value);
    for (size_t length = 1; length < whole.size(); ++length) {
      EXPECT_TRUE(is_damage(whole.substr(0, length))) << length << " of " << whole.size();
    }
  }
  const auto with = [](Type type, std::string_view rest) {
    return std::string(1, static_cast<char>(type)) + std::string(rest);
  };
  EXPECT_TRUE(is_damage("\xff"));                                             // no such type
  EXPECT_TRUE(is_damage(with(Type::kInt, "\x89123456789")));                  // nine bytes
  EXPECT_TRUE(is_damage(with(Type::kText, std::string_view("a\0\x02", 3))));  // no such mark
  EXPECT_TRUE(is_damage(with(Type::kUuid, std::string_view("short\0\x01", 7))));
}

}  // namespace
}  // namespace syncline
