#include "apply/target/repair_rows.h"

#include <fmt/format.h>

#include <limits>

#include "apply/target/sql_target.h"
#include "engine/base/error.h"
#include "engine/base/on_restart.h"

namespace syncline::apply {
namespace {

// A batch of the running pipeline may get in between so often.
constexpr int kRepairTriesMax = 20;

std::vector<TableMapping> WithSourceWinning(std::vector<TableMapping> tables) {
  for (TableMapping& table : tables) table.conflict = ConflictRule::kSourceWins;
  return tables;
}

RepairResult RepairOnce(const RepairTarget& to, SqlTarget& target,
                        const std::function<std::vector<TableChanges>(Offset at)>& steps_at) {
  RepairResult result;
  SqlTarget::Work work{
      .at = {.pipeline = to.pipeline},
      // As if the target had had them all: what it holds instead is overwritten, and no conflict.
      .again_before = Offset(std::numeric_limits<uint64_t>::max()),
      .park = true};
  work.begin = [&](sql::Session& session) {
    const std::optional<Progress> progress = ReadProgress(session, to.pipeline);
    if (!progress) {
      throw UsageError(
          fmt::format("{} has no progress row for pipeline {}", to.url.display, to.pipeline),
          "`syncline apply` makes it when it applies the first changes.");
    }
    AdvanceProgress(session, progress, *progress);
    result.at = progress->next;
    work.at = *progress;
    work.tables = steps_at(progress->next);
  };
  work.end = [&](sql::Session&, std::span<const RefusedStep> refused) {
    result.refused.assign(refused.begin(), refused.end());
  };
  work.refused_max = [] { return std::numeric_limits<uint64_t>::max(); };
  for (const auto& [table, counts] : target.Do(work)) result.written += counts.written;
  return result;
}

}  // namespace

RepairResult RepairRows(const RepairTarget& target,
                        const std::function<std::vector<TableChanges>(Offset at)>& steps_at) {
  SqlTarget writer(target.url, WithSourceWinning(target.tables), target.source, TargetOptions(),
                   target.logger);
  return AgainOnRestart(kRepairTriesMax, [&] {
    writer.Open();
    return RepairOnce(target, writer, steps_at);
  });
}

}  // namespace syncline::apply
