#include "tools/config/sync_circles.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

namespace syncline::cli {
namespace {

// A table of a database.
using TablePlace = std::pair<std::string, TableName>;

std::string NameOf(const TablePlace& place) {
  return fmt::format("{} {}", place.first, place.second.ToString());
}

// The pipelines as ways between places; finds circles.
class Ways {
 public:
  void Add(const TablePlace& from, const TablePlace& to, bool both) {
    ways_[from].push_back(to);
    if (both) ways_[to].push_back(from);
  }

  // A way from one place to another; empty: there is none.
  std::vector<TablePlace> Find(const TablePlace& from, const TablePlace& to) const {
    std::map<TablePlace, TablePlace> before;
    std::vector<TablePlace> next{from};
    std::set<TablePlace> seen{from};
    while (!next.empty()) {
      const TablePlace at = next.back();
      next.pop_back();
      const auto ways = ways_.find(at);
      if (ways == ways_.end()) continue;
      for (const TablePlace& place : ways->second) {
        if (!seen.insert(place).second) continue;
        before[place] = at;
        next.push_back(place);
      }
    }
    std::vector<TablePlace> path;
    if (!before.contains(to)) return path;
    for (TablePlace at = to; at != from; at = before.at(at)) path.push_back(at);
    path.push_back(from);
    std::ranges::reverse(path);
    return path;
  }

 private:
  std::map<TablePlace, std::vector<TablePlace>> ways_;
};

}  // namespace

void RefuseCircles(const std::vector<MappedTable>& tables, Mistakes& mistakes) {
  Ways ways;
  for (const MappedTable& table : tables) {
    const PipelineConfig& pipeline = *table.pipeline;
    const TablePlace from{pipeline.from, table.source}, to{pipeline.to, table.target};
    // Of a pipeline of two directions the second says what the first has said.
    if (pipeline.two_way && pipeline.two_way->between.front() != pipeline.from) continue;
    std::vector<TablePlace> circle = ways.Find(to, from);
    if (circle.empty() && pipeline.two_way) circle = ways.Find(from, to);
    if (!circle.empty()) {
      std::vector<std::string> names;
      for (const TablePlace& place : circle) names.push_back(NameOf(place));
      names.push_back(names.front());
      mistakes.Add(table.rule->line,
                   fmt::format("changes would go round: {}; let both databases of each pipeline of "
                               "two directions meet in one hub, and no other pipeline lead back",
                               fmt::join(names, " -> ")));
      continue;
    }
    ways.Add(from, to, pipeline.two_way.has_value());
  }
}

}  // namespace syncline::cli
