#include "apply/table_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string_view>

#include "engine/base/check.h"

namespace syncline::apply {
namespace {

// Rows in one VALUES list: far from SQLite's limits for a statement, enough to make its cost small.
constexpr size_t kListedRowsMax = 200;

TargetShape ShapeOf(const TablePlan& plan, const sql::TableInfo& info, Dialect dialect) {
  TargetShape shape{.dialect = dialect,
                    .table = plan.target,
                    .columns = plan.ColumnNames(),
                    .key = plan.KeyNames(),
                    .conflict = plan.conflict};
  if (plan.cursor) {
    shape.cursor = plan.columns[*plan.cursor].name;
    const sql::ColumnInfo* cursor = info.Find(shape.cursor);
    SYNCLINE_CHECK(cursor != nullptr);  // PrepareTargetTable has seen to it
    shape.cursor_type = cursor->column.type;
    shape.cursor_native = cursor->column.native_type;
  }
  return shape;
}

ValueView PreviousOf(const RowChange& change) {
  return change.previous ? change.previous->view() : ValueView::Null();
}

std::vector<const Row*> PointersTo(const std::vector<Row>& rows) {
  std::vector<const Row*> pointers;
  pointers.reserve(rows.size());
  for (const Row& row : rows) pointers.push_back(&row);
  return pointers;
}

std::optional<uint32_t> IndexOf(std::string_view name, const std::vector<std::string>& names) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<uint32_t>(found - names.begin());
}

uint64_t SingleNumber(const sql::ResultSet& result) {
  return std::stoull(result.rows.at(0).at(0).value());
}

}  // namespace

WriteCounts& WriteCounts::operator+=(const WriteCounts& other) {
  written += other.written;
  newer += other.newer;
  return *this;
}

TableWriter::TableWriter(sql::Session& session, TablePlan plan, const sql::TableInfo& info,
                         size_t number)
    : session_(session), plan_(std::move(plan)), shape_(ShapeOf(plan_, info, session.dialect())) {
  upserts_.row_sql = UpsertRowSql(shape_);
  upserts_.up_to_sql = UpsertRowSql(shape_, Follows::kAnyUpToThat);
  upserts_.name = {"pg_temp", fmt::format("syncline_upserts_{}", number)};
  upserts_.create_sql = CreateUpsertStageSql(shape_, upserts_.name);
  upserts_.columns = UpsertColumns(shape_);
  upserts_.write_sql = UpsertStagedSql(shape_, upserts_.name);
  upserts_.previous = IndexOf(kPreviousColumn, upserts_.columns);
  if (ComparesVersions(shape_.conflict)) {
    upserts_.count_newer_sql = CountNewerStagedSql(shape_, upserts_.name, shape_.cursor);
    upserts_.key_and_version = plan_.key;
    upserts_.key_and_version.push_back(*plan_.cursor);
  }

  deletes_.row_sql = DeleteRowSql(shape_);
  deletes_.up_to_sql = DeleteRowSql(shape_, Follows::kAnyUpToThat);
  deletes_.name = {"pg_temp", fmt::format("syncline_deletes_{}", number)};
  deletes_.create_sql = CreateDeleteStageSql(shape_, deletes_.name);
  deletes_.columns = DeleteColumns(shape_);
  deletes_.write_sql = DeleteStagedSql(shape_, deletes_.name);
  deletes_.previous = IndexOf(kPreviousColumn, deletes_.columns);
  if (deletes_.columns.back() == kVersionColumn) {
    deletes_.count_newer_sql = CountNewerStagedSql(shape_, deletes_.name, kVersionColumn);
    for (uint32_t i = 0; i < shape_.key.size(); ++i) deletes_.key_and_version.push_back(i);
    deletes_.key_and_version.push_back(static_cast<uint32_t>(deletes_.columns.size()) - 1);
  }
}

WriteCounts TableWriter::Upsert(std::vector<RowChange>& changes, bool whole) {
  std::vector<Row> rows;
  rows.reserve(changes.size());
  for (RowChange& change : changes) {
    Row& row = rows.emplace_back(TargetRow(plan_, std::move(change.row)));
    if (upserts_.previous) row.Append(PreviousOf(change));
  }
  return Write(upserts_, rows, changes, whole);
}

WriteCounts TableWriter::Delete(std::vector<RowChange>& changes, bool whole) {
  std::vector<Row> rows;
  rows.reserve(changes.size());
  for (RowChange& change : changes) {
    Row& row = rows.emplace_back(std::move(change.key));
    if (ComparesVersions(shape_.conflict)) row.Append(PreviousOf(change));
    if (shape_.conflict == ConflictRule::kLatestWins) row.Append(change.version);
  }
  return Write(deletes_, rows, changes, whole);
}

WriteCounts TableWriter::Write(Stage& stage, const std::vector<Row>& rows,
                               const std::vector<RowChange>& changes, bool whole) {
  if (rows.empty()) return {};
  const std::vector<const Row*> all = PointersTo(rows);
  const bool staged =
      shape_.dialect == Dialect::kPostgres && (whole || all.size() >= kStagedRowsMin);
  std::vector<uint32_t> unchanged;
  WriteCounts counts;
  if (staged) {
    Load(stage, all);
    counts.written = session_.Change(stage.write_sql);
    if (counts.written == all.size()) return counts;
    unchanged.resize(all.size());  // some of them; which ones is not known
    std::iota(unchanged.begin(), unchanged.end(), 0);
  } else {
    unchanged = session_.ExecuteEach(stage.row_sql, all);
    if (unchanged.empty()) return {.written = all.size()};
    counts.written = all.size() - unchanged.size();
  }
  counts.written += FollowPassed(stage, rows, changes, unchanged);
  if (stage.count_newer_sql.empty()) return counts;
  if (staged) {
    counts.newer = SingleNumber(session_.Query(stage.count_newer_sql));
  } else {
    std::vector<const Row*> left;
    for (const uint32_t index : unchanged) left.push_back(all[index]);
    counts.newer = CountNewer(stage, left);
  }
  return counts;
}

// Tries again what changed nothing, as a step from each state that was passed on the way. Writing a
// row's last state twice does no harm. Only a target that was set back, or that missed frames,
// needs this, so it need not be fast.
uint64_t TableWriter::FollowPassed(const Stage& stage, const std::vector<Row>& rows,
                                   const std::vector<RowChange>& changes,
                                   const std::vector<uint32_t>& unchanged) {
  if (!stage.previous) return 0;
  std::vector<Row> steps, steps_up_to;
  const auto add = [&](uint32_t index, const Value& version, std::vector<Row>& to) {
    if (shape_.conflict == ConflictRule::kLatestWins &&
        CompareValues(version, changes[index].version) < 0) {
      return;  // a row of that version has given way already
    }
    Row& step = to.emplace_back();
    uint32_t column = 0;
    for (const ValueView value : rows[index]) {
      step.Append(column++ == *stage.previous ? version.view() : value);
    }
  };
  for (const uint32_t index : unchanged) {
    for (const Value& version : changes[index].passed) add(index, version, steps);
    if (const auto& highest = changes[index].passed_up_to) add(index, *highest, steps_up_to);
  }
  const auto write = [&](const std::string& sql, const std::vector<Row>& all) -> uint64_t {
    return all.empty() ? 0 : all.size() - session_.ExecuteEach(sql, PointersTo(all)).size();
  };
  return write(stage.row_sql, steps) + write(stage.up_to_sql, steps_up_to);
}

void TableWriter::Load(Stage& stage, std::span<const Row* const> rows) {
  if (!stage.created) session_.Execute(stage.create_sql);
  stage.created = true;
  session_.LoadRows(stage.name, stage.columns, rows);
}

uint64_t TableWriter::CountNewer(Stage& stage, std::span<const Row* const> rows) {
  if (shape_.dialect == Dialect::kPostgres) {
    Load(stage, rows);
    return SingleNumber(session_.Query(stage.count_newer_sql));
  }
  uint64_t newer = 0;
  for (; !rows.empty(); rows = rows.subspan(std::min(rows.size(), kListedRowsMax))) {
    std::vector<Row> listed;
    for (const Row* row : rows.first(std::min(rows.size(), kListedRowsMax))) {
      listed.push_back(Project(*row, stage.key_and_version));
    }
    newer += SingleNumber(session_.Query(CountNewerSql(shape_, listed)));
  }
  return newer;
}

}  // namespace syncline::apply
