#include "tools/service/stage_target.h"

#include "apply/lines/file_output.h"
#include "apply/lines/lines_target.h"
#include "apply/lines/stream_output.h"
#include "apply/target/sql_target.h"
#include "tools/support/log_line.h"

namespace syncline::cli {

StageTargets::StageTargets(const Plan& plan) {
  for (const PipelinePlan& pipeline : plan.pipelines) {
    if (!pipeline.lines) continue;
    std::shared_ptr<apply::LinesOutput>& output = outputs_[pipeline.name];
    if (pipeline.lines->is_stdout()) {
      output = std::make_shared<apply::StreamOutput>();
    } else {
      output = std::make_shared<apply::FileOutput>(pipeline.lines->path);
    }
  }
}

apply::TargetMaker StageTargets::Of(const PipelinePlan& pipeline) const {
  if (!pipeline.lines) return apply::SqlTargetAt(pipeline.target_url, pipeline.tables);
  return apply::LinesTargetAt(outputs_.at(pipeline.name), pipeline.tables, LineWithout);
}

}  // namespace syncline::cli
