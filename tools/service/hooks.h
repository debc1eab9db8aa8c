#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "engine/base/clock.h"
#include "engine/base/logger.h"
#include "engine/base/stop_grace.h"
#include "tools/config/schedule_config.h"

namespace syncline::cli {

// What a hook is told. Plain value type.
struct HookEvent {
  std::string pipeline;
  std::string kind;   // of the run: "sync", "capture", "apply", "verify"; or "refused"
  std::string state;  // "failed", "refusing" or "recovered"
  std::string error;
  std::string hint;
  WallTime at;
};

// Tells people what has become of a pipeline: commands get the event as SYNCLINE_PIPELINE, _KIND,
// _STATE, _ERROR, _HINT and _AT in their environment, in which only PATH, HOME and LANG are
// besides, so that no password of this process reaches them; webhooks as JSON by HTTP POST. One
// after the other on a thread of its own, each with a limit in time; one that fails is logged and
// that is all. At the end what is still to be told is told first, as far as the grace of a stop
// lets it; for the rest there is a warning. Thread-safe.
class Hooks {
 public:
  static constexpr Microseconds kCommandMost = std::chrono::seconds(30);
  static constexpr Microseconds kWebhookMost = std::chrono::seconds(10);
  // Between the request to end and the end, of a command that the stop has cut short.
  static constexpr Microseconds kKillAfter = std::chrono::seconds(2);
  static constexpr size_t kWaitingMost = 1'000;  // events; later ones are dropped, with a warning

  // By pipeline. `stop` may be null.
  Hooks(std::map<std::string, HookConfig> hooks, std::shared_ptr<Logger> logger,
        std::shared_ptr<const StopGrace> stop = {});
  ~Hooks();
  Hooks(const Hooks&) = delete;
  Hooks& operator=(const Hooks&) = delete;

  // Returns at once.
  void Tell(HookEvent event);

 private:
  void Run(const std::stop_token& stop);
  void TellNow(const HookEvent& event);

  const std::map<std::string, HookConfig> hooks_;
  const std::shared_ptr<Logger> logger_;
  const std::shared_ptr<const StopGrace> stop_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<HookEvent> waiting_;  // guarded by mutex_
  std::jthread thread_;            // last: it uses the rest
};

}  // namespace syncline::cli
