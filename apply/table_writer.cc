#include "apply/table_writer.h"

#include <fmt/format.h>

#include <algorithm>

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
  upserts_.name = {"pg_temp", fmt::format("syncline_upserts_{}", number)};
  upserts_.create_sql = CreateUpsertStageSql(shape_, upserts_.name);
  upserts_.columns = UpsertColumns(shape_);
  upserts_.write_sql = UpsertStagedSql(shape_, upserts_.name);
  if (ComparesVersions(shape_.conflict)) {
    upserts_.count_newer_sql = CountNewerStagedSql(shape_, upserts_.name, shape_.cursor);
    upserts_.key_and_version = plan_.key;
    upserts_.key_and_version.push_back(*plan_.cursor);
  }

  deletes_.row_sql = DeleteRowSql(shape_);
  deletes_.name = {"pg_temp", fmt::format("syncline_deletes_{}", number)};
  deletes_.create_sql = CreateDeleteStageSql(shape_, deletes_.name);
  deletes_.columns = DeleteColumns(shape_);
  deletes_.write_sql = DeleteStagedSql(shape_, deletes_.name);
  if (deletes_.columns.back() == kVersionColumn) {
    deletes_.count_newer_sql = CountNewerStagedSql(shape_, deletes_.name, kVersionColumn);
    for (uint32_t i = 0; i < shape_.key.size(); ++i) deletes_.key_and_version.push_back(i);
    deletes_.key_and_version.push_back(static_cast<uint32_t>(deletes_.columns.size()) - 1);
  }
}

WriteCounts TableWriter::Upsert(std::vector<RowChange>& changes, bool whole) {
  const bool takes_previous = upserts_.columns.size() > plan_.columns.size();
  std::vector<Row> rows;
  rows.reserve(changes.size());
  for (RowChange& change : changes) {
    Row& row = rows.emplace_back(TargetRow(plan_, std::move(change.row)));
    if (takes_previous) row.Append(PreviousOf(change));
  }
  return Write(upserts_, rows, whole);
}

WriteCounts TableWriter::Delete(std::vector<RowChange>& changes, bool whole) {
  std::vector<Row> rows;
  rows.reserve(changes.size());
  for (RowChange& change : changes) {
    Row& row = rows.emplace_back(std::move(change.key));
    if (ComparesVersions(shape_.conflict)) row.Append(PreviousOf(change));
    if (shape_.conflict == ConflictRule::kLatestWins) row.Append(change.version);
  }
  return Write(deletes_, rows, whole);
}

WriteCounts TableWriter::Write(Stage& stage, const std::vector<Row>& rows, bool whole) {
  if (rows.empty()) return {};
  const std::vector<const Row*> all = PointersTo(rows);
  WriteCounts counts;
  if (shape_.dialect == Dialect::kPostgres && (whole || all.size() >= kStagedRowsMin)) {
    Load(stage, all);
    counts.written = session_.Change(stage.write_sql);
    if (counts.written < all.size()) counts.newer = CountNewerInStage(stage);
    return counts;
  }
  std::vector<const Row*> unchanged;
  for (const uint32_t index : session_.ExecuteEach(stage.row_sql, all)) {
    unchanged.push_back(all[index]);
  }
  counts.written = all.size() - unchanged.size();
  counts.newer = CountNewer(stage, unchanged);
  return counts;
}

void TableWriter::Load(Stage& stage, std::span<const Row* const> rows) {
  if (!stage.created) session_.Execute(stage.create_sql);
  stage.created = true;
  session_.LoadRows(stage.name, stage.columns, rows);
}

uint64_t TableWriter::CountNewerInStage(const Stage& stage) {
  if (stage.count_newer_sql.empty()) return 0;
  return SingleNumber(session_.Query(stage.count_newer_sql));
}

uint64_t TableWriter::CountNewer(Stage& stage, std::span<const Row* const> rows) {
  if (rows.empty() || stage.count_newer_sql.empty()) return 0;
  if (shape_.dialect == Dialect::kPostgres) {
    Load(stage, rows);
    return CountNewerInStage(stage);
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
