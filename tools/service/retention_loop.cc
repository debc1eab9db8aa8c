#include "tools/service/retention_loop.h"

#include <fmt/ranges.h>

#include <chrono>
#include <utility>

#include "engine/base/error.h"
#include "engine/base/logger.h"

namespace syncline::cli {
namespace {

constexpr Microseconds kRetentionEvery = std::chrono::seconds(1);

}  // namespace

RetentionLoop::RetentionLoop(std::string source, LogAdmin& log, const RetentionPolicy& policy,
                             Clock& clock, std::shared_ptr<Logger> logger)
    : source_(std::move(source)),
      log_(log),
      policy_(policy),
      clock_(clock),
      logger_(std::move(logger)) {}

void RetentionLoop::Run(std::stop_token stop) {
  while (clock_.Sleep(kRetentionEvery, stop)) RunOnce(stop);
}

void RetentionLoop::RunOnce(std::stop_token stop) {
  try {
    if (!retention_) retention_ = log_.NewRetention(policy_);
    const Retention::Pass pass = retention_->Run(std::move(stop));
    if (pass.frames == 0) return;
    logger_->Info("older frames folded into the base source={} frames={} changes={} begin={}",
                  source_, pass.frames, pass.changes, pass.begin.value());
    if (pass.overtaken.empty()) return;
    logger_->Warn(
        "the log has outgrown its size: these will catch up through the base source={} "
        "pipelines={}",
        source_, fmt::format("{}", fmt::join(pass.overtaken, ",")));
  } catch (const Error& error) {
    retention_.reset();
    if (error.reaction() != Reaction::kRetry && error.reaction() != Reaction::kRestart) throw;
    logger_->Warn("folding interrupted, will retry source={} error=\"{}\"", source_,
                  error.message());
  }
}

}  // namespace syncline::cli
