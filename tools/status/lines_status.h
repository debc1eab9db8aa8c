#pragma once

#include <optional>
#include <vector>

#include "apply/state/progress.h"
#include "tools/config/config.h"

namespace syncline::cli {

// How far a pipeline's target is, as the target says: of a database all progress rows, of a file of
// lines the position beside it, of stdout nothing. Throws where it cannot be read.
std::vector<apply::Progress> ReadTargetProgress(const Config& config,
                                                const PipelineConfig& pipeline);

// Throws UsageError for a pipeline whose target are lines: "`what`" needs the rows of a target.
void RequireRows(const Config& config, const PipelineConfig& pipeline, std::string_view what);

}  // namespace syncline::cli
