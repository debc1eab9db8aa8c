#include "engine/model/row.h"

#include <gtest/gtest.h>

#include "engine/base/error.h"
#include "samples.h"

namespace syncline {
namespace {

Row RowOf(const std::vector<ValueView>& values) {
  Row row;
  for (const ValueView value : values) row.Append(value);
  return row;
}

TEST(RowTest, GivesBackEveryValueInOrderAndByIndex) {
  std::vector<ValueView> values = SampleValues();
  const std::string large(70'000, 'x');  // a length of three varint bytes
  values.push_back(ValueView::Text(large));
  values.push_back(ValueView::Null());
  const Row row = RowOf(values);
  ASSERT_EQ(row.size(), values.size());
  size_t index = 0;
  for (const ValueView value : row) {
    EXPECT_EQ(value, values[index]) << "value " << index;
    EXPECT_EQ(row[index], values[index]) << "value " << index;
    ++index;
  }
  EXPECT_EQ(index, values.size());
}

// Fails when a type, NULL or an empty string is not part of what is hashed.
TEST(RowTest, RowsThatDifferInOneValueHaveDifferentFingerprints) {
  const std::vector<ValueView> values = SampleValues();
  for (const ValueView a : values) {
    for (const ValueView b : values) {
      EXPECT_EQ(RowOf({a}).fingerprint() == RowOf({b}).fingerprint(), a == b);
    }
  }
  EXPECT_NE(RowOf({ValueView::Text("a"), ValueView::Text("")}).fingerprint(),
            RowOf({ValueView::Text(""), ValueView::Text("a")}).fingerprint());
}

TEST(RowTest, ReadsItsOwnBytes) {
  const Row row = RowOf(SampleValues());
  const Row read = Row::FromBytes(row.bytes());
  EXPECT_EQ(read, row);
  EXPECT_EQ(read.size(), row.size());
}

// Fails when FromBytes trusts a length: every cut and every changed byte is either refused or still
// a row that can be walked to its end without leaving it (the sanitizer build watches that).
TEST(RowTest, BytesFromOutsideAreRefusedOrWhole) {
  const std::string bytes = RowOf(SampleValues()).bytes();
  const auto walk = [](std::string candidate) {
    try {
      const Row row = Row::FromBytes(std::move(candidate));
      size_t seen = 0;
      for (const ValueView value : row) seen += value.as_string().size() < 1'000'000;
      EXPECT_EQ(seen, row.size());
    } catch (const Error& error) {
      EXPECT_EQ(error.reaction(), Reaction::kDamage);
    }
  };
  for (size_t at = 0; at < bytes.size(); ++at) {
    walk(bytes.substr(0, at));
    for (const int bit : {0, 3, 7}) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      walk(changed);
    }
  }
}

// There is one way to write a row: a longer form of the same number would give the same row another
// fingerprint.
TEST(RowTest, AVarintInALongerFormIsRefused) {
  EXPECT_NO_THROW(Row::FromBytes(std::string("\x0a\x02\x08\x01", 4)));
  EXPECT_THROW(Row::FromBytes(std::string("\x0a\x03\x08\x81\x00", 5)), Error);
  EXPECT_THROW(Row::FromBytes(std::string("\x0a\x82\x00\x08\x01", 5)), Error);
}

TEST(RowTest, ProjectTakesColumnsInTheOrderAsked) {
  const Row row = RowOf({ValueView::Int(1), ValueView::Text("b"), ValueView::Null()});
  EXPECT_EQ(Project(row, {2, 0}), RowOf({ValueView::Null(), ValueView::Int(1)}));
}

}  // namespace
}  // namespace syncline
