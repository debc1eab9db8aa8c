#include "tools/moment_watch.h"

#include <fmt/format.h>

#include "engine/base/error.h"

namespace syncline::cli {

MomentWatch::MomentWatch(const PipelinePlan& pipeline, LogReader& log, spdlog::logger& logger)
    : pipeline_(pipeline), log_(log), known_(RequireSameMoments(pipeline, logger)) {}

std::optional<Frame> MomentWatch::Next() {
  std::optional<Frame> frame = log_.Next();
  if (!frame || !known_.matters) return frame;
  for (size_t i = 0; i < frame->tables.size(); ++i) {
    if (!seen_.insert(frame->header.schemas.at(i)).second) continue;
    InContext(fmt::format("offset {} of the log", frame->header.base.value()),
              [&] { RequireSameMoments(pipeline_, known_, frame->tables[i]); });
  }
  return frame;
}

}  // namespace syncline::cli
