#include "tests/conformance/running_stage.h"

#include <chrono>
#include <stdexcept>

#include "apply/target/sql_target.h"

namespace syncline::test {
namespace {

constexpr auto kWaitMax = std::chrono::minutes(1);

}  // namespace

void WaitUntil(std::string_view what, const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kWaitMax;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("waited in vain for " + std::string(what));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

RunningStage::RunningStage(sql::DatabaseUrl url, std::vector<apply::TableMapping> tables,
                           TestLog& log, Clock& clock, apply::ApplyOptions options)
    : log_(log), told_(std::make_shared<TextLogger>()), reader_(log.NewReader()) {
  stage_ =
      std::make_unique<apply::ApplyStage>(apply::SqlTargetAt(std::move(url), std::move(tables)),
                                          std::move(options), *reader_, clock, told_);
  thread_ = std::jthread([this](std::stop_token stop) {
    try {
      stage_->Run(stop);
    } catch (const Error& error) {
      std::lock_guard lock(mutex_);
      error_ = error;
    }
  });
}

RunningStage::~RunningStage() = default;

bool RunningStage::has_ended() const {
  std::lock_guard lock(mutex_);
  return error_.has_value();
}

std::string RunningStage::Told() const { return told_->text(); }

bool RunningStage::HasTold(std::string_view text) const {
  return Told().find(text) != std::string::npos;
}

void RunningStage::WaitUntilCaughtUp() {
  const uint64_t end = log_.end().value();
  WaitUntil("the stage to catch up; it told:\n" + Told(), [&] {
    if (has_ended()) throw std::runtime_error("the stage ended: " + WaitForError().message());
    return stats().next_offset >= end;
  });
}

void RunningStage::WaitUntilTold(std::string_view text) {
  WaitUntil(text, [&] {
    if (has_ended()) throw std::runtime_error("the stage ended: " + WaitForError().message());
    return HasTold(text);
  });
}

Error RunningStage::WaitForError() {
  WaitUntil("the stage to end", [this] { return has_ended(); });
  std::lock_guard lock(mutex_);
  return *error_;
}

}  // namespace syncline::test
