#include "capture/polling/row_queue.h"

#include <utility>

namespace syncline::capture {

bool RowQueue::Push(Piece piece) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock,
                [&] { return closed_ || (pieces_.size() < pieces_max_ && bytes_ < bytes_max_); });
  if (closed_) return false;
  bytes_ += piece.bytes;
  pieces_.push_back(std::move(piece));
  changed_.notify_all();
  return true;
}

std::optional<RowQueue::Piece> RowQueue::Pop(std::stop_token stop, Microseconds wait) {
  return Take(std::move(stop), wait, /*only_ends=*/false);
}

std::optional<RowQueue::Piece> RowQueue::PopEnd(std::stop_token stop, Microseconds wait) {
  return Take(std::move(stop), wait, /*only_ends=*/true);
}

std::optional<RowQueue::Piece> RowQueue::Take(std::stop_token stop, Microseconds wait,
                                              bool only_ends) {
  std::unique_lock lock(mutex_);
  const auto arrived = [&] { return !pieces_.empty() || failure_; };
  if (!changed_.wait_for(lock, std::move(stop), wait, arrived)) return {};
  if (pieces_.empty()) std::rethrow_exception(failure_);
  if (only_ends && !pieces_.front().ends_table) return {};
  Piece piece = std::move(pieces_.front());
  pieces_.pop_front();
  bytes_ -= piece.bytes;
  changed_.notify_all();
  return piece;
}

void RowQueue::Fail(std::exception_ptr failure) {
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = std::move(failure);
  changed_.notify_all();
}

void RowQueue::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

}  // namespace syncline::capture
