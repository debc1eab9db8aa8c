#include "capture/capture_orders.h"

#include <exception>
#include <iterator>
#include <utility>

namespace syncline::capture {
namespace {

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

std::future<Offset> CaptureOrders::Post(std::vector<RowKeys> again) {
  Order order{.again = std::move(again), .answer = {}};
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

CaptureOrders::Taken CaptureOrders::Take() {
  Taken taken;
  const std::lock_guard lock(mutex_);
  for (Order& order : waiting_) {
    taken.again_.insert(taken.again_.end(), std::make_move_iterator(order.again.begin()),
                        std::make_move_iterator(order.again.end()));
    taken.answers_.push_back(std::move(order.answer));
  }
  waiting_.clear();
  return taken;
}

void CaptureOrders::Sleep(Clock& clock, Microseconds duration, const std::stop_token& stop) {
  std::stop_source until;
  {
    const std::lock_guard lock(mutex_);
    if (!waiting_.empty()) return;
    sleep_ = until;
  }
  const std::stop_callback forward(stop, [&until] { until.request_stop(); });
  clock.Sleep(duration, until.get_token());
}

}  // namespace syncline::capture
