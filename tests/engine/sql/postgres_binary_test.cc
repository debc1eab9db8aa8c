// What a server, or a proxy before it, sends in place of rows: told, whatever it is.
#include "engine/sql/postgres/rows/postgres_binary.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "engine/base/error.h"
#include "engine/model/value_text.h"
#include "engine/sql/postgres/rows/postgres_types.h"

namespace syncline::sql {
namespace {

// Big-endian, in so many bytes.
std::string Number(int64_t number, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(number >> (8 * i));
  return text;
}

const std::string kHeader = std::string("PGCOPY\n\377\r\n\0", 11) + Number(0, 4) + Number(0, 4);

std::string RowOf(const std::string& field) {
  return Number(1, 2) + Number(static_cast<int64_t>(field.size()), 4) + field;
}

// The row's value as it was read; "refused" for bytes that are none.
std::string Read(Oid type, const std::string& bytes) {
  BinaryDecoder decoder({type});
  std::string found = "nothing";
  try {
    decoder.Decode(bytes, [&](const Row& row) { found = ToText(Value(row[0])); });
  } catch (const Error& error) {
    EXPECT_EQ(error.reaction(), Reaction::kRestart) << error.message();
    return "refused";
  }
  return found;
}
std::string ReadField(Oid type, const std::string& field) {
  return Read(type, kHeader + RowOf(field));
}

// Fails for each type whose length is not asked: bytes of another field would be read.
TEST(BinaryDecoderTest, AFieldOfAnotherLengthThanItsTypeHasIsRefused) {
  for (const auto& [type, size] : std::map<Oid, size_t>{{oid::kBool, 1},
                                                        {oid::kInt2, 2},
                                                        {oid::kInt4, 4},
                                                        {oid::kOid, 4},
                                                        {oid::kInt8, 8},
                                                        {oid::kXid8, 8},
                                                        {oid::kFloat4, 4},
                                                        {oid::kFloat8, 8},
                                                        {oid::kDate, 4},
                                                        {oid::kTime, 8},
                                                        {oid::kTimestamp, 8},
                                                        {oid::kTimestampTz, 8},
                                                        {oid::kUuid, 16}}) {
    EXPECT_NE(ReadField(type, std::string(size, '\0')), "refused") << type;
    EXPECT_EQ(ReadField(type, std::string(size - 1, '\0')), "refused") << type;
    EXPECT_EQ(ReadField(type, std::string(size + 1, '\0')), "refused") << type;
  }
}

std::string Numeric(int digits, int weight, int sign, int scale, const std::string& all) {
  return Number(digits, 2) + Number(weight, 2) + Number(sign, 2) + Number(scale, 2) + all;
}

// Seen to fail on a digit beyond 9999, which became letters.
TEST(BinaryDecoderTest, ANumberThatIsNoneIsRefused) {
  EXPECT_EQ(ReadField(oid::kNumeric, Numeric(2, 0, 0x4000, 2, Number(12, 2) + Number(5000, 2))),
            "-12.50");
  EXPECT_EQ(ReadField(oid::kNumeric, Numeric(0, 0, 0xc000, 0, "")), "NaN");
  EXPECT_EQ(ReadField(oid::kNumeric, Numeric(0, 0, 0xd000, 0, "")), "Infinity");
  EXPECT_EQ(ReadField(oid::kNumeric, Numeric(0, 0, 0xf000, 0, "")), "-Infinity");
  EXPECT_EQ(ReadField(oid::kNumeric, Numeric(1, 0, 0x1234, 0, Number(1, 2))), "refused");
  EXPECT_EQ(ReadField(oid::kNumeric, Numeric(1, 0, 0, 0, Number(9999, 2))), "9999");
  EXPECT_EQ(ReadField(oid::kNumeric, Numeric(1, 0, 0, 0, Number(10000, 2))), "refused");
  EXPECT_EQ(ReadField(oid::kNumeric, Numeric(2, 0, 0, 0, Number(1, 2))), "refused");
  EXPECT_EQ(ReadField(oid::kNumeric, Numeric(0, 0, 0, 0, Number(1, 2))), "refused");
  EXPECT_EQ(ReadField(oid::kNumeric, std::string(7, '\0')), "refused");
}

TEST(BinaryDecoderTest, WhatIsCutOffOrNoRowIsRefused) {
  const std::string whole = kHeader + RowOf(Number(7, 4));
  EXPECT_EQ(Read(oid::kInt4, whole), "7");
  for (size_t size = 1; size < whole.size(); ++size) {
    const std::string_view expected = size == kHeader.size() ? "nothing" : "refused";
    EXPECT_EQ(Read(oid::kInt4, whole.substr(0, size)), expected) << size;
  }
  EXPECT_EQ(Read(oid::kInt4, "x" + whole.substr(1)), "refused");
  for (const int fields : {0, 2, -2}) {
    EXPECT_EQ(Read(oid::kInt4, kHeader + Number(fields, 2)), "refused") << fields;
  }
  EXPECT_EQ(Read(oid::kInt4, kHeader + Number(-1, 2)), "nothing");
}

}  // namespace
}  // namespace syncline::sql
