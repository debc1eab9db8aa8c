#include "engine/log/rocks/pending_entries.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace syncline {
namespace {

std::string RandomBytes(std::minstd_rand& random, size_t bytes_max) {
  std::string bytes(1 + random() % bytes_max, ' ');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

// Fails when an entry is not replaced, when a longer one is written over its neighbour, when keys
// that differ behind their 16th byte are not ordered, and when Clear leaves something.
TEST(PendingEntriesTest, HoldsTheLastEntryOfEachKeyInKeyOrder) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::minstd_rand random(seed);
  PendingEntries pending;
  for (int round = 0; round < 3; ++round) {
    std::map<std::string, std::string> expected;
    for (int i = 0; i < 5000; ++i) {
      std::string key(random() % 20, 'k');  // many that start alike
      key += RandomBytes(random, 2);
      const std::string entry = RandomBytes(random, 40);
      pending.Put(key, entry);
      expected[key] = entry;
    }
    const auto entries = pending.InKeyOrder();
    ASSERT_EQ(entries.size(), expected.size());
    auto at = entries.begin();
    for (const auto& [key, entry] : expected) {
      ASSERT_EQ(at->key, key);
      ASSERT_EQ(at->entry, entry);
      ASSERT_EQ(pending.Find(key), entry);
      ++at;
    }
    EXPECT_FALSE(pending.Find("not there, and longer than any key"));
    pending.Clear();
    EXPECT_TRUE(pending.empty());
    EXPECT_FALSE(pending.Find(expected.begin()->first));
  }
}

TEST(PendingEntriesTest, KeysThatComeInOrderStayInIt) {
  PendingEntries pending;
  for (const char* key : {"a", "b", "c"}) pending.Put(key, "entry");
  pending.Put("b", "later");
  const auto entries = pending.InKeyOrder();
  ASSERT_EQ(entries.size(), 3);
  EXPECT_EQ(entries[1].key, "b");
  EXPECT_EQ(entries[1].entry, "later");
}

// Fails when keys that came in order, and so were not hashed, are not found, or are taken for new
// when they come again.
TEST(PendingEntriesTest, KeysThatCameInOrderAreFoundAndReplaced) {
  PendingEntries pending;
  for (int round = 0; round < 2; ++round) {
    for (char key = 'b'; key <= 'y'; ++key) pending.Put({&key, 1}, "entry");
    EXPECT_FALSE(pending.Find("z"));
    EXPECT_FALSE(pending.Find("a"));
    EXPECT_EQ(pending.Find("m"), "entry");
    pending.Put("z", "behind");
    pending.Put("m", "later");
    pending.Put("a", "before");
    EXPECT_EQ(pending.Find("z"), "behind");
    EXPECT_EQ(pending.Find("m"), "later");
    const auto entries = pending.InKeyOrder();
    ASSERT_EQ(entries.size(), 26);
    EXPECT_EQ(entries.front().key, "a");
    EXPECT_EQ(entries[12].entry, "later");
    EXPECT_EQ(entries.back().entry, "behind");
    pending.Clear();
  }
}

}  // namespace
}  // namespace syncline
