#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "capture/cursor/capture_cursor.h"
#include "engine/base/clock.h"
#include "engine/model/row.h"

namespace syncline::capture {

// Rows on their way from the threads that read a source to the one that writes its log. Bounded:
// who reads faster than the log takes waits, and so does the source. Thread-safe.
class RowQueue {
 public:
  // Rows of one table, in order.
  struct Piece {
    size_t table = 0;
    std::vector<Row> rows;
    std::vector<std::pair<Row, uint64_t>> too_large;                           // keys and bytes
    std::vector<std::pair<Row, CaptureCursor::Table::Unreadable>> unreadable;  // by their keys
    size_t bytes = 0;                                                          // of the rows
    bool ends_range = false;   // all rows of a range have come; then:
    bool ends_table = false;   // it was the table's last range
    std::optional<Row> after;  // otherwise, the key that the range ends at
  };

  static constexpr Microseconds kForever = std::chrono::hours(24 * 365);

  // Both bounds are those from which on a reader waits.
  RowQueue(size_t pieces_max, size_t bytes_max) : pieces_max_(pieces_max), bytes_max_(bytes_max) {}

  // Waits for room; false when nobody takes any more.
  bool Push(Piece piece);
  // Waits for a piece, for at most so long; nothing when there was none, or when stopped. Throws
  // what a reader failed with, after everything that came before.
  std::optional<Piece> Pop(std::stop_token stop, Microseconds wait = kForever);
  // The same for a piece that ends its table; one that does not stays, and nothing is returned.
  std::optional<Piece> PopEnd(std::stop_token stop, Microseconds wait);

  void Fail(std::exception_ptr failure);
  // Ends Push, now and for good.
  void Close();

 private:
  std::optional<Piece> Take(std::stop_token stop, Microseconds wait, bool only_ends);

  const size_t pieces_max_;
  const size_t bytes_max_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Piece> pieces_;    // guarded by mutex_
  size_t bytes_ = 0;            // of them; guarded by mutex_
  std::exception_ptr failure_;  // guarded by mutex_
  bool closed_ = false;         // guarded by mutex_
};

}  // namespace syncline::capture
