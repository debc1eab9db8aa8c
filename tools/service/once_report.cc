#include "tools/service/once_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "apply/state/quarantine.h"
#include "engine/sql/sql_dialect.h"
#include "tools/support/terminal.h"

namespace syncline::cli {
namespace {

template <typename Counts>
Counts Of(const std::map<TableName, Counts>& tables, const TableName& table) {
  const auto found = tables.find(table);
  return found == tables.end() ? Counts() : found->second;
}

// The target's names in the statistics are those of its catalogue.
apply::WriteCounts WritesTo(const std::map<TableName, apply::WriteCounts>& tables,
                            const apply::TableMapping& mapping, Dialect dialect) {
  return Of(tables, sql::WithDefaultSchema(mapping.target, dialect));
}

}  // namespace

std::vector<TableOutcome> OutcomesOf(const Plan& plan, const Activity& activity, bool captures,
                                     bool applies) {
  std::vector<TableOutcome> outcomes;
  const auto reading = [&](const std::string& source, const TableName& table) {
    const auto found = activity.captures.find(source);
    return found == activity.captures.end() ? capture::TableTally::Counts()
                                            : Of(found->second.tables, table);
  };
  const auto set_aside = [&](const std::string& source, const TableName& table) {
    const auto found = activity.captures.find(source);
    return found == activity.captures.end() ? 0 : found->second.RowsSetAside({table});
  };
  if (!applies) {
    for (const SourcePlan& source : plan.sources) {
      for (const capture::TableSpec& table : source.tables) {
        outcomes.push_back({source.database, table.table.ToString(),
                            reading(source.database, table.table), std::nullopt,
                            set_aside(source.database, table.table)});
      }
    }
    return outcomes;
  }
  for (const PipelinePlan& pipeline : plan.pipelines) {
    const auto apply = activity.applies.find(pipeline.name);
    for (const apply::TableMapping& mapping : pipeline.tables) {
      TableOutcome& outcome = outcomes.emplace_back();
      outcome.owner = pipeline.name;
      outcome.table = mapping.source.ToString();
      if (captures) outcome.reading = reading(pipeline.source, mapping.source);
      outcome.set_aside = set_aside(pipeline.source, mapping.source);
      if (apply == activity.applies.end()) {
        outcome.writing = apply::WriteCounts();
      } else if (pipeline.lines) {
        outcome.writing = Of(apply->second.tables, mapping.source);
      } else {
        outcome.writing = WritesTo(apply->second.tables, mapping, pipeline.target_url.dialect);
      }
    }
  }
  return outcomes;
}

std::string Line(const TableOutcome& outcome) {
  std::string line = fmt::format("{} {}:", outcome.owner, outcome.table);
  Microseconds took{0};
  if (outcome.reading) {
    line += fmt::format(" read {}, captured {},", outcome.reading->read, outcome.reading->captured);
    took += outcome.reading->took;
  }
  if (outcome.writing) {
    line +=
        fmt::format(" written {}, refused {}, newer {}, conflicts {},", outcome.writing->written,
                    outcome.writing->refused, outcome.writing->newer, outcome.writing->conflicts);
    took += outcome.writing->took;
  }
  line += fmt::format(" seconds {:.3f}", static_cast<double>(took.count()) / 1e6);
  if (outcome.set_aside > 0) line += fmt::format(", set aside {}", outcome.set_aside);
  return line;
}

namespace {

std::string Rows(uint64_t count) { return FormatCount(count) + (count == 1 ? " row" : " rows"); }

std::optional<Error> SetAside(const std::vector<TableOutcome>& outcomes) {
  std::vector<std::string> told;
  uint64_t all = 0;
  for (const TableOutcome& outcome : outcomes) {
    if (outcome.set_aside == 0) continue;
    told.push_back(fmt::format("{} of {} ({}{})", FormatCount(outcome.set_aside), outcome.table,
                               outcome.writing ? "pipeline " : "source ", outcome.owner));
    all += outcome.set_aside;
  }
  if (all == 0) return {};
  return StopError(fmt::format("{} {} at the source, not captured: {}", Rows(all),
                               all == 1 ? "stays" : "stay", fmt::join(told, ", ")),
                   "`syncline status` names them, and why; mend them there, raise max_row, or "
                   "leave the column out with omit:");
}

std::optional<Error> Refusals(const Plan& plan, const Activity& activity) {
  std::vector<std::string> told;
  std::string first;
  uint64_t all = 0;
  for (const PipelinePlan& pipeline : plan.pipelines) {
    const auto apply = activity.applies.find(pipeline.name);
    if (apply == activity.applies.end() || apply->second.parked.value_or(0) == 0) continue;
    if (pipeline.lines) continue;
    if (first.empty()) first = pipeline.name;
    for (const auto& [table, count] :
         apply::CountRefusedByTable(pipeline.target_url, pipeline.name)) {
      told.push_back(
          fmt::format("{} of {} (pipeline {})", FormatCount(count), table, pipeline.name));
      all += count;
    }
  }
  if (all == 0) return {};
  return StopError(
      fmt::format("the target refuses {}: {}", Rows(all), fmt::join(told, ", ")),
      fmt::format("`syncline quarantine list {0}` shows them, and why; mend the target or the "
                  "source, then `syncline quarantine retry {0}`",
                  first));
}

}  // namespace

std::optional<Error> RowsLeft(const Plan& plan, const Activity& activity,
                              const std::vector<TableOutcome>& outcomes) {
  const std::optional<Error> refused = Refusals(plan, activity);
  const std::optional<Error> set_aside = SetAside(outcomes);
  if (!refused || !set_aside) return refused ? refused : set_aside;
  return StopError(set_aside->message() + "; " + refused->message(),
                   set_aside->hint() + "; " + refused->hint());
}

}  // namespace syncline::cli
