#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

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
    bool ends_range = false;   // all rows of a range have come; then:
    bool ends_table = false;   // it was the table's last range
    std::optional<Row> after;  // otherwise, the key that the range ends at
  };

  explicit RowQueue(size_t pieces_max) : pieces_max_(pieces_max) {}

  // Waits for room; false when nobody takes any more.
  bool Push(Piece piece);
  // Waits for a piece; nothing when stopped. Throws what a reader failed with, after everything
  // that came before.
  std::optional<Piece> Pop(std::stop_token stop);

  void Fail(std::exception_ptr failure);
  // Ends Push, now and for good.
  void Close();

 private:
  const size_t pieces_max_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Piece> pieces_;    // guarded by mutex_
  std::exception_ptr failure_;  // guarded by mutex_
  bool closed_ = false;         // guarded by mutex_
};

}  // namespace syncline::capture
