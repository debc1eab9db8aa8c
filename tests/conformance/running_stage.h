#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "apply/apply_stage.h"
#include "engine/base/error.h"
#include "tests/apply/test_log.h"
#include "tests/support/text_logger.h"

namespace syncline::test {

// A stage that applies on a thread of its own until the object goes, and what it tells meanwhile.
// Every wait ends with std::runtime_error after a minute, or when the stage has ended by itself.
class RunningStage {
 public:
  RunningStage(sql::DatabaseUrl url, std::vector<apply::TableMapping> tables, TestLog& log,
               Clock& clock, apply::ApplyOptions options = {.pipeline = "p"});
  ~RunningStage();

  void WaitUntilCaughtUp();
  // Until a line of its log holds the text.
  void WaitUntilTold(std::string_view text);
  bool HasTold(std::string_view text) const;
  // The error with which it ends.
  Error WaitForError();
  const apply::ApplyStats& stats() const { return stage_->stats(); }

 private:
  bool has_ended() const;
  std::string Told() const;

  TestLog& log_;
  const std::shared_ptr<TextLogger> told_;
  const std::unique_ptr<LogReader> reader_;
  std::unique_ptr<apply::ApplyStage> stage_;

  mutable std::mutex mutex_;
  std::optional<Error> error_;  // guarded by mutex_
  std::jthread thread_;
};

// Until the condition holds; std::runtime_error after a minute.
void WaitUntil(std::string_view what, const std::function<bool()>& condition);

}  // namespace syncline::test
