#include "capture/polling/capture_orders.h"

#include <exception>
#include <iterator>
#include <utility>

namespace syncline::capture {
namespace {

constexpr Microseconds kLongSleep = std::chrono::hours(1);

Error Ended() {
  return RetryError("the capture of this source has ended before its next poll", "try again");
}

}  // namespace

CaptureOrders::Taken::~Taken() { Fail(Ended()); }

void CaptureOrders::Taken::Done(Offset next) {
  for (std::promise<Offset>& answer : answers_) answer.set_value(next);
  answers_.clear();
}

void CaptureOrders::Taken::Fail(const Error& error) {
  for (std::promise<Offset>& answer : answers_)
    answer.set_exception(std::make_exception_ptr(error));
  answers_.clear();
}

std::future<Offset> CaptureOrders::Give(std::vector<RowKeys> again, bool hasty) {
  Order order{.again = std::move(again), .answer = {}, .hasty = hasty};
  std::future<Offset> answer = order.answer.get_future();
  const std::lock_guard lock(mutex_);
  if (closed_) {
    order.answer.set_exception(std::make_exception_ptr(Ended()));
  } else {
    waiting_.push_back(std::move(order));
    sleep_.request_stop();
  }
  return answer;
}

void CaptureOrders::Close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  Take().Fail(Ended());
}

void CaptureOrders::Hold(bool held) {
  const std::lock_guard lock(mutex_);
  held_ = held;
  if (!held) sleep_.request_stop();
}

CaptureOrders::Taken CaptureOrders::Take() { return TakeIf(false); }
CaptureOrders::Taken CaptureOrders::TakeHasty() { return TakeIf(true); }

CaptureOrders::Taken CaptureOrders::TakeIf(bool hasty_only) {
  Taken taken;
  std::deque<Order> rest;
  const std::lock_guard lock(mutex_);
  for (Order& order : waiting_) {
    if (hasty_only && !order.hasty) {
      rest.push_back(std::move(order));
      continue;
    }
    taken.again_.insert(taken.again_.end(), std::make_move_iterator(order.again.begin()),
                        std::make_move_iterator(order.again.end()));
    taken.answers_.push_back(std::move(order.answer));
  }
  waiting_ = std::move(rest);
  return taken;
}

bool CaptureOrders::SleepOnce(Clock& clock, Microseconds duration, const std::stop_token& stop,
                              bool unless_released) {
  std::stop_source until;
  {
    const std::lock_guard lock(mutex_);
    if (!waiting_.empty() || (unless_released && !held_)) return false;
    sleep_ = until;
  }
  const std::stop_callback forward(stop, [&until] { until.request_stop(); });
  clock.Sleep(duration, until.get_token());
  return true;
}

void CaptureOrders::Sleep(Clock& clock, Microseconds duration, const std::stop_token& stop) {
  SleepOnce(clock, duration, stop, false);
}

bool CaptureOrders::WaitForOrder(Clock& clock, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (!SleepOnce(clock, kLongSleep, stop, false)) return true;
  }
  return false;
}

void CaptureOrders::WaitWhileHeld(Clock& clock, const std::stop_token& stop) {
  while (!stop.stop_requested() && SleepOnce(clock, kLongSleep, stop, true)) {
  }
}

}  // namespace syncline::capture
