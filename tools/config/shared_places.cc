#include "tools/config/shared_places.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "apply/lines/position_file.h"
#include "engine/log/catalog/folder_catalog.h"

namespace syncline::cli {
namespace {

// Nobody could tell apart what two of them write to one file.
void RefuseSharedLines(const Config& config, Mistakes& mistakes) {
  std::map<std::string, const PipelineConfig*> writers;
  for (const PipelineConfig& pipeline : config.pipelines) {
    if (pipeline.to.empty()) continue;
    const std::optional<LinesConfig>& lines = config.LinesOf(pipeline);
    if (!lines) continue;
    const auto [at, is_new] = writers.emplace(lines->ToString(), &pipeline);
    if (is_new) continue;
    mistakes.Add(pipeline.line, fmt::format("pipelines \"{}\" and \"{}\" both write to {}; give "
                                            "each a file of its own",
                                            at->second->name, pipeline.name, at->first));
  }
}

// A file of lines is no database of the configuration, and not what another one's position is
// written to.
void RefuseLinesOverOtherFiles(const Config& config, Mistakes& mistakes) {
  std::map<std::string, std::string> others;  // by path: what it is
  for (const DatabaseConfig& database : config.databases) {
    if (!database.lines) {
      others.emplace(database.url.connection, fmt::format("database \"{}\"", database.name));
    } else if (!database.lines->is_stdout()) {
      for (const std::filesystem::path& path : apply::PositionFilesOf(database.lines->path)) {
        others.emplace(path.string(), fmt::format("the position of {}", database.url.display));
      }
    }
  }
  for (const PipelineConfig& pipeline : config.pipelines) {
    if (pipeline.to.empty() || !config.LinesOf(pipeline)) continue;
    const auto other = others.find(config.LinesOf(pipeline)->path.string());
    if (other == others.end()) continue;
    mistakes.Add(pipeline.line, fmt::format("pipeline \"{}\" writes lines to {}, which is {}; give "
                                            "it a file of its own",
                                            pipeline.name, other->first, other->second));
  }
}

// Logs stand side by side, and a repair needs some names beside the log that it repairs.
void RefuseLogsInTheWay(const Config& config, Mistakes& mistakes) {
  const std::vector<std::string> sources = config.SourceNames();
  for (const std::string& name : sources) {
    for (const std::string& other : sources) {
      if (!IsInTheWayOf(name, other)) continue;
      mistakes.Add(config.Database(name).line,
                   fmt::format("database \"{}\" cannot have a log beside that of \"{}\": its name "
                               "is one that `syncline log repair {}` gives to a folder; give it "
                               "another name",
                               name, other, other));
    }
  }
}

}  // namespace

void RefuseSharedPlaces(const Config& config, Mistakes& mistakes) {
  RefuseSharedLines(config, mistakes);
  RefuseLinesOverOtherFiles(config, mistakes);
  if (mistakes.empty()) RefuseLogsInTheWay(config, mistakes);
}

}  // namespace syncline::cli
