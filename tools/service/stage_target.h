#pragma once

#include <map>
#include <memory>
#include <string>

#include "apply/lines/lines_output.h"
#include "apply/target/target.h"
#include "tools/config/plan.h"

namespace syncline::cli {

// What the stages of a process apply to, by pipeline. Knows which kind of target a pipeline has.
// Constant once made: from any thread, one stage of a pipeline at a time.
class StageTargets {
 public:
  explicit StageTargets(const Plan& plan);

  // For a stage of that pipeline, one of the plan's.
  apply::TargetMaker Of(const PipelinePlan& pipeline) const;

 private:
  // Of pipelines whose target are lines. As long-lived as the process, for stdout has no other
  // position.
  std::map<std::string, std::shared_ptr<apply::LinesOutput>> outputs_;
};

}  // namespace syncline::cli
