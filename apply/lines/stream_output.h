#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "apply/lines/lines_output.h"

namespace syncline::apply {

// Lines on this process's stdout. Nobody knows what the reader has taken, so the position lasts as
// long as this object: who wants a run to go on after trouble keeps it. What was written cannot be
// taken back, so a base that would have to begin again ends the work with a StopError.
// Belongs to one thread at a time; name() may be asked from any.
class StreamOutput : public LinesOutput {
 public:
  explicit StreamOutput(int fd = 1) : fd_(fd) {}

  const std::string& name() const override { return name_; }
  void Open() override { is_open_ = true; }
  void Close() noexcept override { is_open_ = false; }
  bool is_open() const override { return is_open_; }
  const std::optional<LinesPosition>& position() const override { return position_; }
  void Begin() override;
  void Write(std::string_view lines) override;
  void Commit(const LinesPosition& to, bool is_part) override;

 private:
  const int fd_;
  const std::string name_ = "jsonl:-";
  bool is_open_ = false;
  bool may_begin_ = true;  // nothing was written that Begin would have to take back
  std::optional<LinesPosition> position_;
};

}  // namespace syncline::apply
