#include "apply/rules/bisect.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <random>
#include <set>
#include <vector>

namespace syncline::apply {
namespace {

// A table that refuses some rows, and counts what it is asked.
class Table {
 public:
  enum class Hints { kNone, kRight, kWrong };

  Table(size_t size, std::set<size_t> bad, Hints hints)
      : size_(size), bad_(std::move(bad)), hints_(hints) {}

  void Search() {
    FindRefused(
        size_, [this](size_t begin, size_t end) { return Try(begin, end); },
        [this](size_t row) {
          ASSERT_EQ(last_, std::make_pair(row, row + 1));  // it was tried alone just now
          refused_.push_back(row);
        });
    EXPECT_EQ(refused_, std::vector<size_t>(bad_.begin(), bad_.end()));
    EXPECT_EQ(written_.size() + refused_.size(), size_);
    EXPECT_TRUE(std::ranges::is_sorted(written_));
  }

  size_t tries() const { return tries_; }
  size_t rows_tried() const { return rows_tried_; }

 private:
  Trial Try(size_t begin, size_t end) {
    EXPECT_LT(begin, end);
    last_ = {begin, end};
    ++tries_;
    const auto bad = bad_.lower_bound(begin);
    if (bad == bad_.end() || *bad >= end) {
      rows_tried_ += end - begin;
      for (size_t row = begin; row < end; ++row) written_.push_back(row);
      return {.accepted = true};
    }
    rows_tried_ += end - begin;
    switch (hints_) {
      case Hints::kNone:
        return {};
      case Hints::kRight:
        return {.suspect = *bad};
      case Hints::kWrong:
        return {.suspect = begin + (*bad * 7 + tries_) % (end - begin + 3)};
    }
    return {};
  }

  const size_t size_;
  const std::set<size_t> bad_;
  const Hints hints_;
  std::pair<size_t, size_t> last_;
  std::vector<size_t> written_, refused_;
  size_t tries_ = 0, rows_tried_ = 0;
};

size_t LogOf(size_t size) { return std::bit_width(size - 1); }

// Fails when the search starts over at the whole rest after each refused row (the rows tried grow
// with their number), and when it goes on by halves of the first run (the tries do).
TEST(BisectTest, AnyRefusedRowsAreFoundWithinTheBounds) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 2'000; ++round) {
    const size_t size = 1 + random() % (round % 10 == 0 ? 50'000 : 300);
    const size_t per = 1 + random() % 200;
    std::set<size_t> bad;
    for (size_t i = 0; i < size / per; ++i) bad.insert(random() % size);
    if (round % 3 == 0) bad.insert(random() % size);
    for (const auto hints : {Table::Hints::kNone, Table::Hints::kRight, Table::Hints::kWrong}) {
      Table table(size, bad, hints);
      table.Search();
      const size_t each = 2 * (LogOf(size) + 2);
      EXPECT_LE(table.tries(), 1 + bad.size() * each) << size << " rows, " << bad.size() << " bad";
    }
  }
}

TEST(BisectTest, NothingIsTriedTwiceWhereNothingIsRefused) {
  Table table(50'000, {}, Table::Hints::kNone);
  table.Search();
  EXPECT_EQ(table.tries(), 1u);
}

TEST(BisectTest, OneRefusedRowCostsTheLogarithm) {
  for (const size_t bad : {0u, 1u, 25'000u, 49'998u, 49'999u}) {
    Table table(50'000, {bad}, Table::Hints::kNone);
    table.Search();
    EXPECT_LE(table.tries(), 2 * LogOf(50'000) + 2) << bad;
    EXPECT_LE(table.rows_tried(), 3u * 50'000 + 100) << bad;
  }
}

// The rates that decide whether 10,000 refused rows in a million take seconds or minutes.
TEST(BisectTest, ManyRefusedRowsCostAFewTimesTheBatch) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  std::set<size_t> bad;
  while (bad.size() < 500) bad.insert(random() % 50'000);
  Table named(50'000, bad, Table::Hints::kRight);
  named.Search();
  EXPECT_LE(named.tries(), 4 * bad.size());
  EXPECT_LE(named.rows_tried(), 4u * 50'000);
  Table unnamed(50'000, bad, Table::Hints::kNone);
  unnamed.Search();
  EXPECT_LE(unnamed.tries(), 10 * bad.size());
  EXPECT_LE(unnamed.rows_tried(), 6u * 50'000);
  std::set<size_t> all;
  for (size_t row = 0; row < 1'000; ++row) all.insert(row);
  Table hopeless(1'000, all, Table::Hints::kNone);
  hopeless.Search();
  EXPECT_LE(hopeless.tries(), 6u * 1'000);
}

}  // namespace
}  // namespace syncline::apply
