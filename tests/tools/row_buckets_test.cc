#include "tools/verify/row_buckets.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/apply/test_log.h"

namespace syncline::cli {
namespace {

void Add(RowBuckets& buckets, int64_t id, const std::string& name) {
  const Row row = test::MakeRow({ValueView::Int(id), ValueView::Text(name)});
  buckets.Add(test::MakeRow({ValueView::Int(id)}).fingerprint(), row.fingerprint());
}

RowBuckets Filled(int first, int step) {
  RowBuckets buckets;
  for (int i = 0, id = first; i < 1000; ++i, id += step) Add(buckets, id, "n");
  return buckets;
}

TEST(RowBucketsTest, TheOrderOfRowsDoesNotMatter) {
  EXPECT_TRUE(RowBuckets::Differing(Filled(0, 1), Filled(999, -1)).empty());
}

// Fails when a sum leaves out the count, or half of the fingerprint.
TEST(RowBucketsTest, WhatDiffersIsInABucketThatDiffers) {
  RowBuckets a = Filled(0, 1), b = Filled(0, 1);
  Add(a, 5000, "x");
  Add(b, 5000, "y");
  Add(b, 6000, "only there");
  const auto bucket = [](int64_t id) {
    return RowBuckets::Of(test::MakeRow({ValueView::Int(id)}).fingerprint());
  };
  std::vector<uint32_t> expected = {bucket(5000), bucket(6000)};
  std::ranges::sort(expected);
  EXPECT_EQ(RowBuckets::Differing(a, b), expected);
  EXPECT_EQ(b.rows(), 1002u);
}

}  // namespace
}  // namespace syncline::cli
