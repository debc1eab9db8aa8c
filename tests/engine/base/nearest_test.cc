#include "engine/base/nearest.h"

#include <gtest/gtest.h>

namespace syncline {
namespace {

TEST(NearestTest, TheSmallestDistanceWinsAndTheFirstOfEquals) {
  EXPECT_EQ(NearestName("cursr", {"key", "cursor", "create"}), "cursor");
  EXPECT_EQ(NearestName("ab1", {"ab2", "ab3"}), "ab2");
  EXPECT_EQ(NearestName("Updated_At", {"created_at", "updated_at"}), "updated_at");
}

TEST(NearestTest, WhatIsTooDifferentIsNotProposed) {
  EXPECT_EQ(NearestName("banana", {"cursor", "key"}), std::nullopt);
  EXPECT_EQ(NearestName("x", {"y"}), std::nullopt);
  EXPECT_EQ(NearestName("to", {}), std::nullopt);
}

TEST(NearestTest, TheWordsToPutBehindAMessage) {
  EXPECT_EQ(DidYouMean("statu", {"status"}), "; did you mean \"status\"?");
  EXPECT_EQ(DidYouMean("banana", {"status"}), "");
}

}  // namespace
}  // namespace syncline
