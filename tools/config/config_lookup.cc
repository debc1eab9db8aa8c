// What a configuration says of names.
#include <fmt/format.h>

#include <algorithm>

#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "tools/config/config.h"

namespace syncline::cli {
namespace {

template <typename List>
std::vector<std::string> NamesOf(const List& list) {
  std::vector<std::string> names;
  for (const auto& item : list) names.push_back(item.name);
  return names;
}

template <typename List>
const auto& FindByName(const List& list, const std::string& name, std::string_view kind,
                       const std::string& file) {
  for (const auto& item : list) {
    if (item.name == name) return item;
  }
  const std::vector<std::string> names = NamesOf(list);
  throw UsageError(
      fmt::format("there is no {} \"{}\" in {}{}", kind, name, file, DidYouMean(name, names)),
      fmt::format("known: {}", fmt::join(names, ", ")));
}

}  // namespace

void Config::EndWaits(std::shared_ptr<const StopGrace> grace) {
  for (DatabaseConfig& database : databases) database.url.limits.stop = grace;
  stop = std::move(grace);
}

const DatabaseConfig& Config::Database(const std::string& name) const {
  return FindByName(databases, name, "database", file);
}

const PipelineConfig& Config::Pipeline(const std::string& name) const {
  return FindByName(pipelines, name, "pipeline", file);
}

std::vector<std::string> Config::DatabaseNames() const { return NamesOf(databases); }
std::vector<std::string> Config::PipelineNames() const { return NamesOf(pipelines); }

std::vector<std::string> Config::Named(const std::vector<std::string>& names) const {
  if (names.empty()) return PipelineNames();
  std::vector<std::string> found;
  for (const std::string& name : names) {
    const size_t before = found.size();
    for (const PipelineConfig& pipeline : pipelines) {
      if (pipeline.two_way && pipeline.two_way->name == name) found.push_back(pipeline.name);
    }
    if (found.size() == before) found.push_back(Pipeline(name).name);
  }
  return found;
}

const PipelineConfig* Config::TwoWay(const std::string& name) const {
  const PipelineConfig* first = nullptr;
  for (const PipelineConfig& pipeline : pipelines) {
    if (!pipeline.two_way) continue;
    if (pipeline.from == pipeline.two_way->between.front()) first = &pipeline;
    if (pipeline.name == name || pipeline.two_way->name == name) return first;
  }
  return nullptr;
}

std::vector<std::string> Config::SourceNames() const {
  std::vector<std::string> names;
  for (const PipelineConfig& pipeline : pipelines) {
    if (std::find(names.begin(), names.end(), pipeline.from) == names.end()) {
      names.push_back(pipeline.from);
    }
  }
  return names;
}

}  // namespace syncline::cli
