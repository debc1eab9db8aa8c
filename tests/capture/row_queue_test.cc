#include "capture/polling/row_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>

namespace syncline::capture {
namespace {

RowQueue::Piece PieceOf(size_t table) { return {.table = table}; }

// Fails when an error overtakes the rows that were read before it.
TEST(RowQueueTest, AFailureComesAfterWhatCameBefore) {
  RowQueue queue(2, 1000);
  EXPECT_TRUE(queue.Push(PieceOf(1)));
  queue.Fail(std::make_exception_ptr(std::runtime_error("lost")));
  EXPECT_EQ(queue.Pop({})->table, 1u);
  EXPECT_THROW(queue.Pop({}), std::runtime_error);
}

TEST(RowQueueTest, AFullQueueHoldsTheReaderUntilSomethingIsTaken) {
  RowQueue queue(1, 1000);
  std::jthread reader([&] {
    for (size_t i = 0; i < 100; ++i) EXPECT_TRUE(queue.Push(PieceOf(i)));
  });
  for (size_t i = 0; i < 100; ++i) EXPECT_EQ(queue.Pop({})->table, i);
}

// Fails when only pieces are counted: 32 rows of 64 MiB would wait in memory.
TEST(RowQueueTest, SoDoesAQueueWithTooManyBytes) {
  RowQueue queue(10, 1000);
  EXPECT_TRUE(queue.Push({.table = 1, .bytes = 5000}));  // one that is too large alone may come
  std::atomic<bool> pushed = false;
  std::jthread reader([&] { pushed = queue.Push({.table = 2, .bytes = 10}); });
  queue.Fail(std::make_exception_ptr(std::runtime_error("wakes the reader, which still waits")));
  EXPECT_FALSE(pushed);
  EXPECT_EQ(queue.Pop({})->table, 1u);
  reader.join();
  EXPECT_TRUE(pushed);
}

// Each would wait for ever otherwise.
TEST(RowQueueTest, ClosingLetsAReaderGoAndAStopTheOneWhoTakes) {
  RowQueue queue(1, 1000);
  EXPECT_TRUE(queue.Push(PieceOf(1)));
  std::jthread reader([&] { EXPECT_FALSE(queue.Push(PieceOf(2))); });
  queue.Close();
  reader.join();
  EXPECT_TRUE(queue.Pop({}).has_value());
  std::stop_source stop;
  std::jthread taker([&] { EXPECT_FALSE(queue.Pop(stop.get_token()).has_value()); });
  stop.request_stop();
}

}  // namespace
}  // namespace syncline::capture
