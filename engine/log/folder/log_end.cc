#include "engine/log/folder/log_end.h"

#include <chrono>
#include <utility>

#include "engine/base/error.h"

namespace syncline {
namespace {

// The mark need not be synced to be right: what a power cut takes back of it only makes it say
// less. It is synced now and then so that it finds damage in all but the last moment, and before a
// target goes beyond it.
constexpr Microseconds kSyncEvery = std::chrono::seconds(1);

}  // namespace

LogEnd::LogEnd(std::unique_ptr<MarkFile> file, const Mark& mark, Clock& clock)
    : clock_(clock), file_(std::move(file)), mark_(mark), synced_at_(clock.Monotonic()) {
  file_->Write(mark_);
  file_->Sync();
}

LogEnd::~LogEnd() {
  try {
    file_->Sync();
  } catch (const Error&) {
    // What it says is true all the same.
  }
}

Mark LogEnd::mark() const {
  const std::lock_guard lock(mutex_);
  return mark_;
}

void LogEnd::MoveNext(Offset next, uint64_t hash) {
  const std::lock_guard lock(mutex_);
  Mark mark = mark_;
  mark.next = next;
  mark.hash = hash;
  Move(mark);
}

void LogEnd::MoveBegin(Offset begin) {
  const std::lock_guard lock(mutex_);
  Mark mark = mark_;
  mark.begin = begin;
  Move(mark);
}

// Without the lock, so that the writer does not wait for the disk.
void LogEnd::Sync() { file_->Sync(); }

void LogEnd::Move(const Mark& mark) {
  file_->Write(mark);
  mark_ = mark;
  moved_.notify_all();
  const Microseconds now = clock_.Monotonic();
  if (now - synced_at_ < kSyncEvery) return;
  file_->Sync();
  synced_at_ = now;
}

bool LogEnd::WaitPast(Offset position, Microseconds duration, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  moved_.wait_for(lock, stop, duration, [&] { return mark_.next > position; });
  return !stop.stop_requested();
}

}  // namespace syncline
