#include "tools/service/pause_watch.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace syncline::cli {
namespace {

constexpr Microseconds kPausesLookEvery = std::chrono::seconds(1);

}  // namespace

PauseWatch::PauseWatch(BestEffortStateStore& book) : book_(book) { Look(); }

void PauseWatch::Run(std::stop_token stop) {
  SystemClock clock;  // its own: a clock that others wait on has one waiter
  while (clock.Sleep(kPausesLookEvery, stop)) Look();
}

void PauseWatch::Look() {
  std::optional<std::set<std::string>> paused = book_.PausedIfChanged();
  if (!paused) return;
  {
    const std::lock_guard lock(mutex_);
    if (*paused == paused_) return;
    paused_ = *std::move(paused);
    for (auto& [pipeline, active] : active_) {
      if (paused_.contains(pipeline)) {
        active.request_stop();
      } else if (active.stop_requested()) {
        active = std::stop_source();
      }
    }
  }
  resumed_.notify_all();
  const std::lock_guard lock(listening_);
  for (const auto& listener : listeners_) listener();
}

bool PauseWatch::IsPaused(const std::string& pipeline) {
  const std::lock_guard lock(mutex_);
  return paused_.contains(pipeline);
}

bool PauseWatch::AreAllPaused(const std::vector<std::string>& pipelines) {
  const std::lock_guard lock(mutex_);
  return std::ranges::all_of(pipelines,
                             [&](const std::string& name) { return paused_.contains(name); });
}

std::stop_token PauseWatch::WhileActive(const std::string& pipeline) {
  const std::lock_guard lock(mutex_);
  std::stop_source& active = active_[pipeline];
  if (paused_.contains(pipeline)) active.request_stop();
  return active.get_token();
}

bool PauseWatch::WaitUntilActive(const std::string& pipeline, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  return resumed_.wait(lock, stop, [&] { return !paused_.contains(pipeline); });
}

std::shared_ptr<void> PauseWatch::Listen(std::function<void()> changed) {
  const std::lock_guard lock(listening_);
  changed();
  const auto place = listeners_.insert(listeners_.end(), std::move(changed));
  return std::shared_ptr<void>(nullptr, [this, place](void*) {
    const std::lock_guard lock(listening_);
    listeners_.erase(place);
  });
}

}  // namespace syncline::cli
