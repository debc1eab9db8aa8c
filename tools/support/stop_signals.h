#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <thread>

#include "engine/base/stop_grace.h"

namespace syncline::cli {

// Turns SIGINT and SIGTERM into a stop token: the first asks everybody to finish what is at hand,
// the second ends the process at once with 128 + its number, which loses nothing that was
// acknowledged. Between the two, what is under way has the grace of StopGrace. A process that is
// still there kLast after the first signal, in whatever state, is ended as by the second.
//
// Make it before any other thread, because threads inherit the blocked signals; one at a time.
class StopSignals {
 public:
  static constexpr std::chrono::seconds kLast{9};

  // Throws EnvironmentError when there is no descriptor or no thread for it.
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  // The signals are left blocked for threads that still run; the destructor's own thread gets them
  // back.
  ~StopSignals();

  std::stop_token token() const { return source_.get_token(); }
  // For what waits in the kernel.
  const std::shared_ptr<const StopGrace>& grace() const { return grace_; }
  // Stops everybody as a signal would.
  void RequestStop() { source_.request_stop(); }

 private:
  void Listen();
  void Close();

  std::stop_source source_;
  std::shared_ptr<const StopGrace> grace_;
  int signals_ = -1;  // a signalfd
  int wake_ = -1;     // an eventfd, written to by the destructor
  std::thread listener_;
};

}  // namespace syncline::cli
