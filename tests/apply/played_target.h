#pragma once

#include <string>

#include "apply/target/target.h"

namespace syncline::test {

// A target that wants every table and writes nothing.
class PlayedTarget : public apply::Target {
 public:
  explicit PlayedTarget(bool takes_every_change = false)
      : takes_every_change_(takes_every_change) {}

  const std::string& name() const override { return name_; }
  void Open() override { is_open_ = true; }
  void Close() noexcept override { is_open_ = false; }
  bool is_open() const override { return is_open_; }
  std::optional<apply::Progress> Resume(const LogInfo&) override { return progress_; }
  void Begin(const std::optional<apply::Progress>&) override {}
  Written Apply(apply::TargetBatch, const std::optional<apply::Progress>&,
                const apply::Progress& to, const Turn&) override {
    progress_ = to;
    return {};
  }
  bool TakesEveryChange() const override { return takes_every_change_; }
  bool Wants(const TableName&) const override { return true; }

 private:
  const std::string name_ = "played";
  const bool takes_every_change_;
  bool is_open_ = false;
  std::optional<apply::Progress> progress_;
};

}  // namespace syncline::test
