#pragma once

#include <stop_token>
#include <thread>

namespace syncline::cli {

// Turns SIGINT and SIGTERM into a stop token: the first asks everybody to finish what is at hand,
// the second ends the process at once with 128 + its number, which loses nothing that was
// acknowledged.
//
// Make it before any other thread, because threads inherit the blocked signals; one at a time.
class StopSignals {
 public:
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  // The signals are left blocked for threads that still run; the destructor's own thread gets them
  // back.
  ~StopSignals();

  std::stop_token token() const { return source_.get_token(); }
  // Stops everybody as a signal would.
  void RequestStop() { source_.request_stop(); }

 private:
  void Listen();

  std::stop_source source_;
  int signals_ = -1;  // a signalfd
  int wake_ = -1;     // an eventfd, written to by the destructor
  std::thread listener_;
};

}  // namespace syncline::cli
