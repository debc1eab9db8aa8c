#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "tools/history/best_effort_state_store.h"

namespace syncline::cli {

// Which pipelines are paused, as `pause` and `resume` say in other processes; looked at once a
// second. Thread-safe; borrows the book.
class PauseWatch {
 public:
  explicit PauseWatch(BestEffortStateStore& book);
  PauseWatch(const PauseWatch&) = delete;
  PauseWatch& operator=(const PauseWatch&) = delete;

  // Until stopped; on a thread of its own.
  void Run(std::stop_token stop);
  // Looks once.
  void Look();

  bool IsPaused(const std::string& pipeline);
  bool AreAllPaused(const std::vector<std::string>& pipelines);
  // Asks to stop as soon as the pipeline is paused; at once if it is.
  std::stop_token WhileActive(const std::string& pipeline);
  // Returns when the pipeline is not paused; false: stopped.
  bool WaitUntilActive(const std::string& pipeline, const std::stop_token& stop);

  // `changed` is called now, and on the watching thread after each change, for as long as what is
  // returned lives.
  [[nodiscard]] std::shared_ptr<void> Listen(std::function<void()> changed);

 private:
  BestEffortStateStore& book_;
  std::mutex mutex_;
  std::condition_variable_any resumed_;
  std::set<std::string> paused_;                    // guarded by mutex_
  std::map<std::string, std::stop_source> active_;  // guarded by mutex_; those that were asked for

  std::mutex listening_;  // held while listeners are called; taken before mutex_
  std::list<std::function<void()>> listeners_;  // guarded by listening_
};

}  // namespace syncline::cli
