#pragma once

#include <spdlog/logger.h>

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/log/change_log.h"
#include "engine/log/log_reader.h"
#include "tools/node.h"
#include "tools/plan.h"
#include "tools/stage_watch.h"

namespace syncline::cli {

// Runs the stages of a plan, each on a thread of its own: the only place where logs, captures and
// applies meet.
//
//   capture and apply   one log per source, written by its capture and read in this process by its
//   pipelines capture only        the same without readers apply only          readers beside a
//   writer in another process; waits for logs that are not there yet
//
// A pipeline of two directions runs where its target is captured (Node), and reads the other
// database's log as one that another process writes.
//
// A stage whose error says kRestart or kRetry is made anew after a while, log and readers included,
// once it has run at all; a first attempt that fails is final, because then a person is watching. A
// failed pipeline does not stop others; a source all of whose pipelines have failed stops too. When
// a capture ends by failure, its pipelines first apply what the log holds.
class Runner {
 public:
  struct Options {
    bool capture = true;
    bool apply = true;
    // One poll of every source, then everything applied that is in the logs: afterwards the targets
    // hold the sources' state as of the poll.
    bool once = false;
  };

  // Borrows the clock.
  Runner(Plan plan, Options options, Clock& clock, std::shared_ptr<spdlog::logger> logger);
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // Returns when everything has ended: because of `stop`, or because it was done. Throws the first
  // failure, after everything else has ended too; the others were logged.
  void Run(std::stop_token stop);

  StageWatch& watch() { return watch_; }

 private:
  using Body = std::function<void()>;
  class Followers;

  // Runs a body; its failure becomes the unit's.
  void RunUnit(const std::string& name, const Body& body);
  // Runs a body again after errors that may go away, once the unit of that name has started at all.
  // With `once` there is somebody who waits for it: the first error counts.
  void Persist(const std::string& name, bool once, std::stop_token stop, const Body& body);

  void RunSource(const SourcePlan& source, std::stop_token stop);
  // Retention of a source's log, on a thread of its own; what ends it badly ends the capture too.
  std::jthread KeepLog(const SourcePlan& source, ChangeLog& log, std::stop_source capturing);
  void FollowFromHere(const PipelinePlan& pipeline, ChangeLog& log, bool once,
                      std::stop_token stop);
  void FollowFromOutside(const PipelinePlan& pipeline, bool once, Node* node, std::stop_token stop);
  std::unique_ptr<LogReader> WaitForLog(const PipelinePlan& pipeline, bool once,
                                        std::stop_token stop);
  void Apply(const PipelinePlan& pipeline, LogReader& reader, bool once, Node* node,
             std::stop_token stop);
  // With `once`: `polled` has polled its database; until every node of this process has, or failed.
  void AwaitPolls(const std::string& polled, std::stop_token stop);

  // Those to run here that have not failed.
  std::vector<const PipelinePlan*> PipelinesOf(const SourcePlan& source);
  void RecordFailure(const std::string& name, const Error& error);
  bool HasFailed(const std::string& name);
  void RecordStart(const std::string& name);
  bool HasStarted(const std::string& name);

  const Plan plan_;
  const Options options_;
  Clock& clock_;
  const std::shared_ptr<spdlog::logger> logger_;
  StageWatch watch_;

  struct Failure {
    std::string name;
    Error error;
  };
  std::mutex mutex_;
  std::vector<Failure> failures_;   // guarded by mutex_
  std::set<std::string> started_;   // guarded by mutex_; units whose stage was made at least once
  std::set<std::string> unpolled_;  // guarded by mutex_; nodes, with `once`
};

}  // namespace syncline::cli
