#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "engine/base/clock.h"
#include "engine/base/logger.h"
#include "engine/log/log_admin.h"

namespace syncline::cli {

// Keeps one log at the size and age that its configuration says, beside its capture, and tells what
// it did. Belongs to one thread; borrows the log and the clock.
class RetentionLoop {
 public:
  RetentionLoop(std::string source, LogAdmin& log, const RetentionPolicy& policy, Clock& clock,
                std::shared_ptr<Logger> logger);

  // Folds what may go, now and then, until stopped. Throws what a person has to look at.
  void Run(std::stop_token stop);
  // Folds what may go now.
  void RunOnce(std::stop_token stop);

 private:
  const std::string source_;
  LogAdmin& log_;
  const RetentionPolicy policy_;
  Clock& clock_;
  const std::shared_ptr<Logger> logger_;
  std::unique_ptr<Retention> retention_;  // null after a failure
};

}  // namespace syncline::cli
