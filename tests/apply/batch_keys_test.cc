#include "apply/batch/batch_keys.h"

#include <gtest/gtest.h>

#include <initializer_list>

#include "tests/apply/test_log.h"

namespace syncline::apply {
namespace {

using test::ItemsSchema;

std::vector<RowChange> Steps(std::initializer_list<int64_t> ids) {
  std::vector<RowChange> steps;
  for (const int64_t id : ids) steps.emplace_back().key.Append(ValueView::Int(id));
  return steps;
}

BatchKeys Keys(std::initializer_list<int64_t> upserts, std::initializer_list<int64_t> deletes,
               bool came_in_key_order) {
  return BatchKeys({{.schema = ItemsSchema(),
                     .upserts = Steps(upserts),
                     .deletes = Steps(deletes),
                     .came_in_key_order = came_in_key_order}});
}

TEST(BatchKeysTest, LoadsInKeyOrderAreApart) {
  const BatchKeys first = Keys({1, 2, 9}, {}, true);
  EXPECT_FALSE(first.MayMeet(Keys({10, 20}, {}, true)));
  EXPECT_FALSE(Keys({10, 20}, {}, true).MayMeet(first));
  EXPECT_TRUE(first.MayMeet(Keys({9, 20}, {}, true)));
  EXPECT_TRUE(first.MayMeet(Keys({5}, {}, false))) << "between them, and hashed on one side only";
}

// Fails when only the first and last keys are looked at, and when deletions are not.
TEST(BatchKeysTest, AmongEachOtherOnlyTheSameKeysMeet) {
  const BatchKeys first = Keys({1, 5, 9}, {3}, false);
  EXPECT_FALSE(first.MayMeet(Keys({2, 4, 20}, {6}, false)));
  EXPECT_TRUE(first.MayMeet(Keys({2, 5, 20}, {}, false)));
  EXPECT_TRUE(first.MayMeet(Keys({2, 20}, {3}, false)));
  EXPECT_TRUE(first.MayMeet(Keys({}, {9, 10}, false)));
  EXPECT_TRUE(Keys({2}, {0, 3}, false).MayMeet(first));
}

TEST(BatchKeysTest, NothingMeetsNothing) {
  EXPECT_FALSE(BatchKeys().MayMeet(Keys({1}, {}, true)));
  EXPECT_FALSE(Keys({1}, {}, true).MayMeet(BatchKeys()));
  EXPECT_FALSE(Keys({}, {}, true).MayMeet(Keys({1}, {}, true)));
}

}  // namespace
}  // namespace syncline::apply
