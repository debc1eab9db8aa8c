#include "tools/verify/replica_comparison.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "apply/write/local_log_changes.h"
#include "engine/base/error.h"
#include "engine/model/stamp.h"

namespace syncline::cli {
namespace {

constexpr Microseconds kReplicaLookPause = std::chrono::milliseconds(200);

bool IsSame(const RowPair& a, const RowPair& b) {
  return a.source == b.source && a.target == b.target;
}

}  // namespace

uint64_t ReplicaTable::first_only() const {
  return std::ranges::count_if(
      rows, [](const ReplicaDifference& row) { return !row.pair.target.has_value(); });
}

uint64_t ReplicaTable::second_only() const {
  return std::ranges::count_if(
      rows, [](const ReplicaDifference& row) { return !row.pair.source.has_value(); });
}

bool ReplicaResult::equal() const {
  return std::ranges::all_of(
      tables, [](const ReplicaTable& table) { return table.rows.empty() && table.unread == 0; });
}

ReplicaComparison::ReplicaComparison(const PipelinePlan& pipeline, std::string name,
                                     const std::string& table, Clock& clock)
    : pipeline_(pipeline), name_(std::move(name)), clock_(clock) {
  const sql::SessionOptions reading{.read_only = true, .application = "syncline verify"};
  first_ = sql::Session::Open(pipeline.source_url, reading);
  second_ = sql::Session::Open(pipeline.target_url, reading);
  forms_ = sql::Session::Open(pipeline.target_url, reading);
  first_id_ = NodeIdOf(first_->Identity());
  second_id_ = NodeIdOf(second_->Identity());
  for (const sql::DatabaseUrl& url : pipeline.prefer) {
    prefer_.push_back(NodeIdOf(sql::Session::Open(url, reading)->Identity()));
  }
  for (size_t i = 0; i < pipeline.tables.size(); ++i) {
    if (!IsNamed(pipeline.tables[i].source, table)) continue;
    tables_.push_back(
        DescribeCompared(*first_, *second_, pipeline.captured[i], pipeline.tables[i], {}));
  }
  if (tables_.empty()) {
    throw UsageError(fmt::format("pipeline {} has no table {}", name_, table),
                     fmt::format("name it as {} does", pipeline.source));
  }
  for (const ComparedTable& compared : tables_) {
    comparisons_.emplace_back(TableComparison::Sides{*first_, *second_, *forms_}, compared,
                              comparisons_.size(), TableComparison::Limits{},
                              TableComparison::By::kRows);
  }
}

void ReplicaComparison::Look() {
  in_second_.reset();
  in_first_.reset();
  in_first_.emplace(*first_, sql::Session::Isolation::kSnapshot);
  first_->Query("SELECT 1");  // PostgreSQL takes the snapshot with the first statement
  in_second_.emplace(*second_, sql::Session::Isolation::kSnapshot);
  second_->Query("SELECT 1");
}

bool ReplicaComparison::FirstWins(const ComparedTable& table, const RowPair& pair) const {
  if (!pair.source || !pair.target) return pair.source.has_value();
  if (apply::IsPreferred(prefer_, first_id_, second_id_)) return true;
  if (apply::IsPreferred(prefer_, second_id_, first_id_)) return false;
  const auto clock = [](ValueView version, NodeId node) {
    return NextClock(StampOf(Value(version)).value_or(0), std::nullopt, node);
  };
  const TableSchema& schema = *table.schema;
  const auto there = [&](uint32_t column) {
    const auto place = std::ranges::find(table.take, column) - table.take.begin();
    return (*pair.target)[static_cast<size_t>(place)];
  };
  ValueView second = there(schema.cursor);
  if (second.is_null() && schema.cursor_fallback) second = there(*schema.cursor_fallback);
  return clock(schema.VersionOf(*pair.source), first_id_) > clock(second, second_id_);
}

ReplicaResult ReplicaComparison::Run(Microseconds wait) {
  ReplicaResult findings{name_, pipeline_.source, pipeline_.target, {}};
  std::vector<std::deque<Open>> open(tables_.size());
  Look();
  for (size_t i = 0; i < tables_.size(); ++i) {
    const TableComparison::Suspects suspects = comparisons_[i].Find();
    ReplicaTable& table = findings.tables.emplace_back(ReplicaTable{.table = &tables_[i]});
    table.unread = std::max(suspects.left_source_rows, suspects.left_target_rows);
    for (RowPair& pair : comparisons_[i].Read(suspects.keys)) {
      if (pair.equal()) continue;
      open[i].push_back({{.pair = std::move(pair)}, clock_.Monotonic()});
    }
    const uint64_t first = suspects.source_rows - table.unread;
    table.equal = first - std::ranges::count_if(open[i], [](const Open& row) {
                    return row.difference.pair.source.has_value();
                  });
  }
  const Microseconds began = clock_.Monotonic();
  // Rows that are changed all the time would keep it from ending.
  const Microseconds end = began + 4 * wait;
  const auto settled = [&](const Open& row) { return clock_.Monotonic() - row.since >= wait; };
  while (clock_.Monotonic() < end && std::ranges::any_of(open, [&](const std::deque<Open>& rows) {
           return std::ranges::any_of(rows, [&](const Open& row) { return !settled(row); });
         })) {
    in_second_.reset();
    in_first_.reset();
    clock_.Sleep(kReplicaLookPause, {});
    Look();
    for (size_t i = 0; i < tables_.size(); ++i) {
      open[i] = LookAgain(i, open[i], findings.tables[i].equal);
    }
  }
  for (size_t i = 0; i < tables_.size(); ++i) {
    ReplicaTable& table = findings.tables[i];
    for (Open& row : open[i]) {
      if (!settled(row)) {
        ++table.in_flight;
        continue;
      }
      row.difference.first_wins = FirstWins(tables_[i], row.difference.pair);
      table.rows.push_back(std::move(row.difference));
    }
  }
  in_second_.reset();
  in_first_.reset();
  return findings;
}

std::deque<ReplicaComparison::Open> ReplicaComparison::LookAgain(size_t table,
                                                                 const std::deque<Open>& before,
                                                                 uint64_t& equal) {
  std::vector<RowKey> keys;
  for (const Open& row : before) keys.push_back(row.difference.pair.key);
  std::deque<Open> open;
  if (keys.empty()) return open;
  std::vector<RowPair> pairs = comparisons_[table].Read(keys);
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (pairs[i].equal()) {
      equal += pairs[i].source.has_value();
      continue;
    }
    const bool same = IsSame(pairs[i], before[i].difference.pair);
    open.push_back({{.pair = std::move(pairs[i])}, same ? before[i].since : clock_.Monotonic()});
  }
  return open;
}

}  // namespace syncline::cli
