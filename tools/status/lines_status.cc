#include "tools/status/lines_status.h"

#include <fmt/format.h>

#include "apply/lines/position_file.h"
#include "engine/base/error.h"

namespace syncline::cli {

std::vector<apply::Progress> ReadTargetProgress(const Config& config,
                                                const PipelineConfig& pipeline) {
  return InContext(
      fmt::format("target \"{}\"", pipeline.to), [&]() -> std::vector<apply::Progress> {
        const std::optional<LinesConfig>& lines = config.LinesOf(pipeline);
        if (!lines) return apply::ListProgress(config.Database(pipeline.to).url);
        if (lines->is_stdout()) return {};
        std::optional<apply::Progress> progress = apply::ReadLinesProgress(lines->path);
        if (!progress) return {};
        if (progress->pipeline != pipeline.name) {
          throw UsageError(fmt::format("it was written by pipeline {}", progress->pipeline),
                           "Give each pipeline a file of its own.");
        }
        return {*std::move(progress)};
      });
}

void RequireRows(const Config& config, const PipelineConfig& pipeline, std::string_view what) {
  const std::optional<LinesConfig>& lines = config.LinesOf(pipeline);
  if (!lines) return;
  throw UsageError(fmt::format("pipeline \"{}\" writes lines to {}: there are no rows that {} "
                               "could look at",
                               pipeline.name, lines->ToString(), what),
                   "`syncline log cat --json` shows the same lines, to be compared by hand.");
}

}  // namespace syncline::cli
