#pragma once

#include <cstdint>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/base/offset.h"
#include "engine/model/row.h"
#include "engine/model/schema.h"

namespace syncline::capture {

// Rows of one table, by the values of its key columns in key order; none: nothing but that a table
// that is compared now and then is compared now. Plain value type.
struct RowKeys {
  TableName table;
  std::vector<Row> keys;
};

// What others want of a running capture besides its polls in time: a poll at once, and in it rows
// that are read again by their keys, whatever their cursor column says. An order is carried out by
// a poll that begins after the order was given; its answer is where the log ended when that poll
// had closed its cut. So the log then holds every state that could be seen when the order was given
// (invariant 3), and of the named rows what the poll's snapshot shows: one that is not there is
// logged as deleted. Rows of tables that are not captured are passed over, and so are rows whose
// cursor column is NULL.
//
// A poll that fails fails its orders too, with its own error, and an order that the source does not
// understand never ends the capture. Thread-safe.
class CaptureOrders {
 public:
  CaptureOrders() = default;
  CaptureOrders(const CaptureOrders&) = delete;
  CaptureOrders& operator=(const CaptureOrders&) = delete;

  // From any thread. The future always gets its answer while the stage runs, and RetryError once
  // Close was called.
  std::future<Offset> Post(std::vector<RowKeys> again = {}) { return Give(std::move(again), true); }
  // The same for somebody who also waits until tables that are new are loaded.
  std::future<Offset> PostPatiently() { return Give({}, false); }

  // No poll will come any more: fails what waits and what is still to come.
  void Close();

  // While held the stage reads nothing of its own accord, and carries out orders only.
  void Hold(bool held);

  // The rest is the stage's.

  // The orders that the poll at hand carries out. One that is destroyed without Done or Fail fails
  // them.
  class Taken {
   public:
    Taken() = default;
    Taken(Taken&&) = default;
    Taken& operator=(Taken&&) = default;
    ~Taken();

    // Of all orders; several may name the same table.
    const std::vector<RowKeys>& again() const { return again_; }
    void Done(Offset next);
    void Fail(const Error& error);

   private:
    friend class CaptureOrders;
    std::vector<RowKeys> again_;
    std::vector<std::promise<Offset>> answers_;
  };
  // All that were given until now.
  Taken Take();

  // Those that do not wait for loads.
  Taken TakeHasty();

  // As Clock::Sleep; an order ends it early.
  void Sleep(Clock& clock, Microseconds duration, const std::stop_token& stop);
  // Until there is an order; false: stopped.
  bool WaitForOrder(Clock& clock, const std::stop_token& stop);
  // Until it is not held, there is an order, or it is stopped.
  void WaitWhileHeld(Clock& clock, const std::stop_token& stop);

 private:
  struct Order {
    std::vector<RowKeys> again;
    std::promise<Offset> answer;
    bool hasty = true;
  };

  std::future<Offset> Give(std::vector<RowKeys> again, bool hasty);
  Taken TakeIf(bool hasty_only);
  // False when there is no reason (any more) to sleep: an order, or `unless_released` and not held.
  bool SleepOnce(Clock& clock, Microseconds duration, const std::stop_token& stop,
                 bool unless_released);

  std::mutex mutex_;
  std::deque<Order> waiting_;                 // guarded by mutex_
  bool closed_ = false;                       // guarded by mutex_
  bool held_ = false;                         // guarded by mutex_
  std::stop_source sleep_{std::nostopstate};  // guarded by mutex_; ends the sleep under way
};

}  // namespace syncline::capture
