#include "engine/log/index_key.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace syncline {
namespace {

using namespace std::string_view_literals;

std::string KeyOf(const std::vector<ValueView>& values) {
  Row key;
  for (const ValueView value : values) key.Append(value);
  std::string bytes;
  AppendIndexKey(key, bytes);
  return bytes;
}

// Fails when the sign is not turned over, when a double's negative half is not, or when a text is
// not ended.
TEST(IndexKeyTest, BytesOrderAsTheValuesDo) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<std::vector<ValueView>> ordered = {
      {ValueView::Null()},
      {ValueView::Int(std::numeric_limits<int64_t>::min())},
      {ValueView::Int(-300)},
      {ValueView::Int(-1)},
      {ValueView::Int(0)},
      {ValueView::Int(0), ValueView::Text("a")},
      {ValueView::Int(0), ValueView::Text("b")},
      {ValueView::Int(1)},
      {ValueView::Int(256)},
      {ValueView::Int(std::numeric_limits<int64_t>::max())},
      {ValueView::Double(-infinity)},
      {ValueView::Double(-2.5)},
      {ValueView::Double(-0.0)},
      {ValueView::Double(0.0)},
      {ValueView::Double(1e-300)},
      {ValueView::Double(infinity)},
      {ValueView::Text("")},
      {ValueView::Text("\0"sv)},
      {ValueView::Text("\0\0"sv)},
      {ValueView::Text("\0\1"sv)},
      {ValueView::Text("\0\xff"sv)},
      {ValueView::Text("\1"sv)},
      {ValueView::Text("a"), ValueView::Text("z")},
      {ValueView::Text("a\0"sv), ValueView::Text("a")},
      {ValueView::Text("ab"), ValueView::Text("")},
      {ValueView::Text("\xff")},
      {ValueView::TimestampTz(kNegativeInfinity)},
      {ValueView::TimestampTz(-1)},
      {ValueView::TimestampTz(kPositiveInfinity)},
      {ValueView::Uuid("0123456789abcdef")},
      {ValueView::Uuid("0123456789abcdeg")},
  };
  for (size_t i = 0; i < ordered.size(); ++i) {
    for (size_t j = 0; j < ordered.size(); ++j) {
      EXPECT_EQ(KeyOf(ordered[i]) < KeyOf(ordered[j]), i < j) << i << " and " << j;
    }
  }
}

// Fails when a column's end cannot be told: then two keys would share one entry, and one of them
// would be lost.
TEST(IndexKeyTest, DifferentKeysHaveDifferentBytes) {
  EXPECT_NE(KeyOf({ValueView::Text("a"), ValueView::Text("bc")}),
            KeyOf({ValueView::Text("ab"), ValueView::Text("c")}));
  EXPECT_NE(KeyOf({ValueView::Text("a\0\1"sv)}),
            KeyOf({ValueView::Text("a"), ValueView::Text("")}));
  EXPECT_NE(KeyOf({ValueView::Decimal("1.0")}), KeyOf({ValueView::Decimal("1.00")}));
  EXPECT_NE(KeyOf({ValueView::Text("1")}), KeyOf({ValueView::Other("1")}));
}

}  // namespace
}  // namespace syncline
