#include "tools/service/hooks.h"

#include <fmt/format.h>

#include <functional>
#include <utility>

#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "engine/base/printable.h"
#include "tools/support/child_process.h"
#include "tools/support/duration.h"
#include "tools/support/value_json.h"
#include "tools/support/web_post.h"

namespace syncline::cli {
namespace {

void RunCommand(const std::string& command, const HookEvent& event,
                const std::shared_ptr<const StopGrace>& stop) {
  const ChildResult result = RunChild({.command = {"/bin/sh", "-c", command},
                                       .environment = {{"SYNCLINE_PIPELINE", event.pipeline},
                                                       {"SYNCLINE_KIND", event.kind},
                                                       {"SYNCLINE_STATE", event.state},
                                                       {"SYNCLINE_ERROR", Printable(event.error)},
                                                       {"SYNCLINE_HINT", Printable(event.hint)},
                                                       {"SYNCLINE_AT", FormatTime(event.at)}},
                                       .inherited = {{"PATH", "HOME", "LANG"}},
                                       .timeout = Hooks::kCommandMost,
                                       .kill_after = Hooks::kKillAfter,
                                       .grace = stop},
                                      {});
  if (result.end == ChildResult::End::kStopped) throw StopError("the stop has cut it short");
  if (result.end == ChildResult::End::kTimedOut) throw StopError("it took too long");
  if (result.end == ChildResult::End::kKilled) {
    throw StopError(fmt::format("it was ended by signal {}", result.code));
  }
  if (result.code != 0) throw StopError(fmt::format("its exit code was {}", result.code));
}

std::string JsonOf(const HookEvent& event) {
  return Dump(Json{{"pipeline", event.pipeline},
                   {"kind", event.kind},
                   {"state", event.state},
                   {"error", event.error},
                   {"hint", event.hint},
                   {"at", FormatTime(event.at)}});
}

}  // namespace

Hooks::Hooks(std::map<std::string, HookConfig> hooks, std::shared_ptr<Logger> logger,
             std::shared_ptr<const StopGrace> stop)
    : hooks_(std::move(hooks)),
      logger_(std::move(logger)),
      stop_(std::move(stop)),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

Hooks::~Hooks() = default;

void Hooks::Tell(HookEvent event) {
  const auto hooks = hooks_.find(event.pipeline);
  if (hooks == hooks_.end() || hooks->second.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kWaitingMost) {
      logger_->Warn("hooks are too slow, one event is not told pipeline={}", event.pipeline);
      return;
    }
    waiting_.push_back(std::move(event));
  }
  wake_.notify_one();
}

void Hooks::Run(const std::stop_token& stop) {
  for (;;) {
    HookEvent event;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [&] { return !waiting_.empty(); })) return;
      event = std::move(waiting_.front());
      waiting_.pop_front();
    }
    TellNow(event);
  }
}

void Hooks::TellNow(const HookEvent& event) {
  if (stop_ != nullptr && stop_->over()) {
    logger_->Warn("the stop comes before its hooks, one event is not told pipeline={} state={}",
                  event.pipeline, event.state);
    return;
  }
  const HookConfig& hooks = hooks_.at(event.pipeline);
  const auto guarded = [&](const char* what, const std::function<void()>& body) {
    try {
      body();
      logger_->Debug("hook told pipeline={} hook={} state={}", event.pipeline, what, event.state);
    } catch (const std::exception& error) {
      logger_->Warn("a hook has failed pipeline={} hook={} state={} error=\"{}\"", event.pipeline,
                    what, event.state, error.what());
    }
  };
  for (const std::string& command : hooks.commands) {
    guarded("command", [&] { RunCommand(command, event, stop_); });
  }
  for (const std::string& url : hooks.webhooks) {
    guarded("webhook", [&] { PostJson(url, JsonOf(event), kWebhookMost, stop_.get()); });
  }
}

}  // namespace syncline::cli
