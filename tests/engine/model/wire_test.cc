#include "engine/model/wire.h"

#include <gtest/gtest.h>

#include "engine/model/row.h"
#include "frame.pb.h"
#include "samples.h"

namespace syncline {
namespace {

void ExpectSame(const wire::Value& message, ValueView value) {
  ASSERT_EQ(static_cast<int>(message.kind_case()), static_cast<int>(value.type()));
  switch (value.type()) {
    case Type::kNull:
      return;
    case Type::kBool:
      EXPECT_EQ(message.bool_value(), value.as_bool());
      return;
    case Type::kInt:
      EXPECT_EQ(message.int_value(), value.as_int());
      return;
    case Type::kDate:
      EXPECT_EQ(message.date(), value.as_int());
      return;
    case Type::kTime:
      EXPECT_EQ(message.time(), value.as_int());
      return;
    case Type::kTimestamp:
      EXPECT_EQ(message.timestamp(), value.as_int());
      return;
    case Type::kTimestampTz:
      EXPECT_EQ(message.timestamptz(), value.as_int());
      return;
    case Type::kDouble:
      EXPECT_EQ(ValueView::Double(message.double_value()), value);
      return;
    case Type::kText:
      EXPECT_EQ(message.text(), value.as_string());
      return;
    case Type::kBytes:
      EXPECT_EQ(message.bytes_value(), value.as_string());
      return;
    case Type::kDecimal:
      EXPECT_EQ(message.decimal(), value.as_string());
      return;
    case Type::kUuid:
      EXPECT_EQ(message.uuid(), value.as_string());
      return;
    case Type::kJson:
      EXPECT_EQ(message.json(), value.as_string());
      return;
    case Type::kOther:
      EXPECT_EQ(message.other(), value.as_string());
      return;
  }
}

// Fails when a field number or a wire type in wire.cc strays from frame.proto: other programs read
// logs by it.
TEST(WireTest, TheGeneratedClassesReadARowAndWriteTheSameBytes) {
  const std::vector<ValueView> values = SampleValues();
  Row row;
  for (const ValueView value : values) row.Append(value);
  wire::Row message;
  ASSERT_TRUE(message.ParseFromString(row.bytes()));
  ASSERT_EQ(static_cast<size_t>(message.values_size()), values.size());
  for (size_t i = 0; i < values.size(); ++i)
    ExpectSame(message.values(static_cast<int>(i)), values[i]);
  EXPECT_EQ(message.SerializeAsString(), row.bytes());
}

TEST(WireTest, AValueTakesTheBytesThatValueSizeSays) {
  for (const ValueView value : SampleValues()) {
    std::string bytes(wire::ValueSize(value), '\0');
    EXPECT_EQ(wire::PutValue(bytes.data(), value), bytes.data() + bytes.size());
    EXPECT_TRUE(wire::CheckValue(bytes));
    EXPECT_EQ(wire::ReadValue(bytes), value);
  }
}

}  // namespace
}  // namespace syncline
