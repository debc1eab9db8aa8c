#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/backoff.h"
#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "tools/config/plan.h"
#include "tools/history/best_effort_state_store.h"
#include "tools/service/incidents.h"

namespace syncline::cli {

// What fails for itself: the capture of a source, or a pipeline's apply. Plain value type.
struct Unit {
  Work::Part part;
  std::string name;
  auto operator<=>(const Unit&) const = default;

  static Unit Of(const SourcePlan& source) { return {Work::Part::kCapture, source.database}; }
  static Unit Of(const PipelinePlan& pipeline) { return {Work::Part::kApply, pipeline.name}; }
};

// What becomes of the units of a plan that fail. A failure is told to the run history, to the
// incidents of the pipelines that depend on the unit, and to the logger where there are other
// pipelines. A unit may be tried again; one that has failed for good is not.
//
// For any thread; each body runs on the thread that calls, or on its own. Borrows everything but
// the logger.
class Supervisor {
 public:
  using Body = std::function<void()>;

  // The pipelines are looked at with each failure: they must not change once the first unit runs.
  // `once`: each unit is to run once and end.
  Supervisor(const std::vector<PipelinePlan>& pipelines, bool once, Clock& clock,
             std::shared_ptr<Logger> logger, BestEffortStateStore& book, Incidents& incidents)
      : pipelines_(pipelines),
        once_(once),
        clock_(clock),
        logger_(std::move(logger)),
        book_(book),
        incidents_(incidents) {}

  // Runs a body; its failure becomes the unit's, for good.
  void Run(const Unit& unit, const Body& body);
  // Begins a thread; false: there is none to be had, which is the unit's failure for good.
  bool Start(const Unit& unit, std::vector<std::jthread>& threads, Body body);
  // Runs a body again after errors that may go away, as often as `retry` allows, once the unit has
  // started at all; and, while others go on, after a failure whose cause may go away. Throws the
  // error that ends it. With `once` there is somebody who waits for it: the first error counts.
  void Persist(const Unit& unit, const Backoff::Options& retry, bool once, std::stop_token stop,
               const Body& body);

  // The unit's stage was made: it has not failed (any more).
  void RecordStart(const Unit& unit);
  // Now; it may be tried again.
  bool HasFailed(const Unit& unit);
  bool HasFailedForGood(const Unit& unit);
  // Of all that have failed and not started since.
  std::optional<Error> FirstFailure();

 private:
  struct Failure {
    Unit unit;
    Error error;
    bool for_good = false;
  };

  void RecordFailure(const Unit& unit, const Error& error);
  void RecordFailureForGood(const Unit& unit, const Error& error);
  bool HasStarted(const Unit& unit);
  // Whether any pipeline goes on that does not depend on the unit.
  bool OthersGoOn(const Unit& unit);
  // False: nothing else goes on any more.
  bool AwaitAnotherTry(const Unit& unit, Microseconds wait, const std::stop_token& stop);

  const std::vector<PipelinePlan>& pipelines_;
  const bool once_;
  Clock& clock_;
  const std::shared_ptr<Logger> logger_;
  BestEffortStateStore& book_;
  Incidents& incidents_;

  std::mutex mutex_;
  std::vector<Failure> failures_;  // guarded by mutex_; in the order in which they came
  std::set<Unit> started_;         // guarded by mutex_; those whose stage was made at least once
};

}  // namespace syncline::cli
