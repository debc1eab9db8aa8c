#include "tools/verify/row_repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <ranges>
#include <span>
#include <utility>

#include "apply/rules/table_order.h"
#include "apply/target/repair_rows.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "tools/service/source_poll.h"

namespace syncline::cli {
namespace {

// Rows of one transaction on the target: the pipeline's batches wait for it.
constexpr size_t kRowsTogether = 500;

// A row's state as a step that writes it whatever the target holds.
apply::RowChange StepTo(const LoggedState* state, const Row& key) {
  apply::RowChange step{.key = key};
  if (state == nullptr) return step;
  if (!state->deleted()) step.row = state->row;
  step.version = state->version;
  step.offset = state->offset;
  step.previous = state->version;  // not the first one: then it would be an insertion
  return step;
}

}  // namespace

std::vector<apply::TableChanges> StepsAt(const LogHistory& history,
                                         std::span<const RowToWrite> rows, Offset at) {
  std::map<SchemaId, apply::TableChanges> tables;
  for (const RowToWrite& row : rows) {
    const TableName& name = row.schema->table;
    if (!history.Knows(name, row.key, at)) continue;  // apply is on its way through the base
    const LoggedState* state = history.Before(name, row.key, at);
    const auto& schema = state != nullptr ? state->schema : row.schema;
    apply::TableChanges& changes = tables[schema->id()];
    changes.schema = schema;
    const bool deletion = state == nullptr || state->deleted();
    (deletion ? changes.deletes : changes.upserts).push_back(StepTo(state, row.key));
  }
  std::vector<apply::TableChanges> steps;
  for (auto& [id, changes] : tables) {
    apply::SortByKey(changes);
    steps.push_back(std::move(changes));
  }
  return steps;
}

RepairStep RepairFor(const DivergentRow& finding, const RepairOptions& options) {
  if (options.keep_extra && finding.difference == Difference::kExtra) return RepairStep::kLeave;
  switch (finding.why) {
    case Why::kAltered:
      return RepairStep::kWrite;
    case Why::kKept:
      return options.conflicts ? RepairStep::kWrite : RepairStep::kLeave;
    case Why::kMissed:
    case Why::kGone:
      return finding.target_is_log ? RepairStep::kRecapture : RepairStep::kBoth;
    case Why::kParked:
    case Why::kNoCursor:
      return RepairStep::kLeave;
  }
  return RepairStep::kLeave;
}

RowRepair::RowRepair(const SourcePlan& source, const PipelinePlan& pipeline,
                     Verification& verification, const RepairOptions& options, Clock& clock,
                     std::shared_ptr<Logger> logger)
    : source_(source),
      pipeline_(pipeline),
      verification_(verification),
      options_(options),
      clock_(clock),
      logger_(std::move(logger)) {}

// The target first: what is then read again follows the state that the target holds.
RowRepair::Result RowRepair::Run(const VerifyResult& findings) {
  Result result;
  Write(findings, result);
  const std::vector<capture::RowKeys> again = RowsToReadAgain(findings);
  for (const capture::RowKeys& rows : again) result.recaptured += rows.keys.size();
  if (!again.empty()) PollSource(source_, again, clock_, logger_);
  return result;
}

// What is to be written, in the order in which the target's foreign keys want it: parents first,
// and then what is to be deleted, children first.
std::vector<RowToWrite> RowRepair::RowsToWrite(const VerifyResult& findings) const {
  std::map<TableName, std::vector<sql::ForeignKey>> references;
  for (const ComparedTable& table : verification_.tables()) {
    references[table.target.table] = table.references;
  }
  const std::vector<TableName> parents_first = apply::OrderByReferences(references).parents_first;
  std::vector<std::vector<RowToWrite>> written(parents_first.size()), gone(parents_first.size());
  for (const VerifiedTable& table : findings.tables) {
    const auto place =
        std::ranges::find(parents_first, table.table->target.table) - parents_first.begin();
    for (const DivergentRow& finding : table.rows) {
      const RepairStep mend = RepairFor(finding, options_);
      if (mend != RepairStep::kWrite && mend != RepairStep::kBoth) continue;
      const bool in_log = finding.logged && !finding.logged->deleted();
      (in_log ? written : gone)[place].push_back({table.table->schema, finding.pair.key.source});
    }
  }
  std::vector<RowToWrite> rows;
  for (auto& some : written) std::ranges::move(some, std::back_inserter(rows));
  for (auto& some : gone | std::views::reverse) std::ranges::move(some, std::back_inserter(rows));
  return rows;
}

void RowRepair::Write(const VerifyResult& findings, Result& result) {
  const std::vector<RowToWrite> rows = RowsToWrite(findings);
  if (rows.empty()) return;
  LogReader& log = verification_.log();
  LogHistory history(log, findings.progress.next);
  for (const RowToWrite& row : rows) {
    history.Want(row.schema->table, row.key);
  }
  history.Read(Offset(), log.end());
  const apply::RepairTarget target{.url = pipeline_.target_url,
                                   .tables = pipeline_.tables,
                                   .source = log.info().source,
                                   .pipeline = pipeline_.name,
                                   .logger = logger_};
  for (std::span<const RowToWrite> left = rows; !left.empty();) {
    const auto some = left.first(std::min(left.size(), kRowsTogether));
    const apply::RepairResult mended = apply::RepairRows(target, [&](Offset at) {
      if (at < findings.progress.next) {
        throw UsageError(fmt::format("pipeline {} was set back meanwhile", pipeline_.name),
                         "what comes again mends it; verify afterwards");
      }
      history.Read(Offset(), at);  // what apply has brought since
      return StepsAt(history, some, at);
    });
    result.written += mended.written;
    for (const apply::RefusedStep& refused : mended.refused) {
      result.refused.push_back(fmt::format("{}: {}", refused.target.ToString(), refused.Reason()));
    }
    left = left.subspan(some.size());
  }
}

std::vector<capture::RowKeys> RowRepair::RowsToReadAgain(const VerifyResult& findings) const {
  std::vector<capture::RowKeys> again;
  for (const VerifiedTable& table : findings.tables) {
    capture::RowKeys rows{.table = table.table->schema->table};
    for (const DivergentRow& finding : table.rows) {
      const RepairStep mend = RepairFor(finding, options_);
      if (mend == RepairStep::kRecapture || mend == RepairStep::kBoth) {
        rows.keys.push_back(finding.pair.key.source);
      }
    }
    if (!rows.keys.empty()) again.push_back(std::move(rows));
  }
  return again;
}

}  // namespace syncline::cli
