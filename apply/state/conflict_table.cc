#include "apply/state/conflict_table.h"

#include <fmt/format.h>

#include <charconv>

#include "apply/state/own_tables.h"
#include "apply/state/row_image.h"
#include "apply/statements/write_sql.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/model/value_text.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/sql_dialect.h"

namespace syncline::apply {
namespace {

using sql::Format;
using sql::Sql;

constexpr Sql kInsertedConflict =
    "pipeline, table_name, key, conflict_type, rule, winner, log_id, log_offset, source_origin, "
    "target_origin, source_version, target_version, source_row, target_row";
// Not unique: it is added to tables that hold conflicts already.
constexpr char kIndexName[] = "syncline_conflicts_change";
constexpr Sql kIndex = kIndexName;
constexpr char kSource[] = "source";
constexpr char kTarget[] = "target";

Sql ConflictTableSql(const sql::Session& session) { return OwnTableSql(session, kConflictTable); }

void AppendText(const std::optional<std::string>& text, Row& row) {
  row.Append(text ? ValueView::Text(*text) : ValueView::Null());
}

uint64_t IdOf(const std::string& text) {
  uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw DamageError(fmt::format("a row of {} on the target has no number", kConflictTable),
                      "Somebody else wrote there. Keep a copy of that row, and delete it.");
  }
  return id;
}

std::vector<ConflictRecord> SelectConflict(sql::Session& session, const Sql& rest,
                                           const sql::Parameters& parameters) {
  const auto result =
      session.Query(Format("SELECT id, detected_at, {}, resolved_at, resolution FROM {} {}",
                           kInsertedConflict, ConflictTableSql(session), rest),
                    parameters);
  std::vector<ConflictRecord> records;
  for (const auto& row : result.rows) {
    const auto text = [&row](size_t i) { return row[i].value_or(""); };
    records.push_back({.id = IdOf(text(0)),
                       .pipeline = text(2),
                       .detected_at = text(1),
                       .table = text(3),
                       .key = text(4),
                       .type = text(5),
                       .rule = text(6),
                       .winner = text(7),
                       .log_id = text(8),
                       .offset = text(9),
                       .source_origin = text(10),
                       .target_origin = text(11),
                       .source_version = text(12),
                       .target_version = row[13],
                       .source_row = row[14],
                       .target_row = row[15],
                       .resolved_at = row[16],
                       .resolution = row[17]});
  }
  return records;
}

// The record, locked until the transaction ends.
ConflictRecord Unresolved(sql::Session& session, const std::string& target, uint64_t id) {
  std::vector<ConflictRecord> found;
  if (HoldOwnTable(session, kConflictTable)) {
    found = SelectConflict(session, "WHERE id = $1" + sql::DialectOf(session).ForUpdate(),
                           {std::to_string(id)});
  }
  if (found.empty()) {
    throw UsageError(fmt::format("{} has no conflict {}", target, id),
                     "`syncline conflicts list` shows those that there are.");
  }
  if (found.front().resolved_at) {
    throw UsageError(fmt::format("conflict {} is resolved already: {}, at {}", id,
                                 found.front().resolution.value_or(""), *found.front().resolved_at),
                     "Nothing was changed.");
  }
  return std::move(found.front());
}

// Whether the table, which is there, has its index, or this role may not give it one: then each
// conflict costs a look through all of them.
bool HasIndex(sql::Session& session) {
  return sql::ForDialect(
      session.dialect(), sql::IfPostgres{[&] {
        return session
            .Query(
                "SELECT 1 FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1) AND "
                "pg_catalog.to_regclass($2) IS NULL AND "
                "pg_catalog.pg_has_role(relowner, 'USAGE')",
                {ConflictTableSql(session).ToString(), OwnTableSql(session, kIndexName).ToString()})
            .rows.empty();
      }},
      sql::IfSqlite{[&] {
        return !session
                    .Query("SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = $1",
                           {std::string(kIndexName)})
                    .rows.empty();
      }});
}

// The names in a JSON object, in its order.
std::vector<std::string> NamesIn(const std::string& image) {
  std::vector<std::string> names;
  const Json json = Json::parse_or_null(image);
  if (!json.is_object()) {
    throw DamageError(
        fmt::format("a row's image in {} on the target is no JSON object", kConflictTable),
        "Somebody else wrote there. Write the row by hand.");
  }
  for (const auto& [name, value] : json.items()) names.push_back(name);
  return names;
}

// The table as far as the conflict knows it. Without versions: it is the content that counts.
TargetShape ShapeOf(sql::Session& session, const ConflictRecord& conflict) {
  const std::optional<sql::TableInfo> info = session.Describe(TableName::Parse(conflict.table));
  if (!info) {
    throw UsageError(fmt::format("table {} is not there any more", conflict.table),
                     "Nothing was changed.");
  }
  TargetShape shape{
      .dialect = session.dialect(), .table = info->name, .key = NamesIn(conflict.key)};
  const auto& image = conflict.source_row ? conflict.source_row : conflict.target_row;
  for (const std::string& name : NamesIn(image.value_or(conflict.key))) {
    const sql::ColumnInfo* column = info->Find(name);
    if (column == nullptr) {
      throw UsageError(fmt::format("table {} has no column {} any more", conflict.table, name),
                       "Nothing was changed. Write the row by hand, from what `syncline conflicts "
                       "show` says of it.");
    }
    shape.columns.push_back(column->column);
  }
  for (const std::string& name : shape.key) {
    const sql::ColumnInfo* const column = info->Find(name);
    if (column == nullptr) continue;  // told above
    shape.key_equals.push_back(session.Operator(column->column, sql::Comparison::kEqual));
  }
  return shape;
}

// One row's key in a conflict, with what can be said and done about the row.
class ConflictingRow {
 public:
  ConflictingRow(sql::Session& session, const ConflictRecord& conflict)
      : session_(session), shape_(ShapeOf(session, conflict)) {
    for (const std::string& name : shape_.key) {
      const auto column = std::ranges::find(shape_.columns, name, &Column::name);
      if (column == shape_.columns.end()) {
        throw DamageError(fmt::format("conflict {} names a key column {} that its row has not",
                                      conflict.id, name),
                          "Somebody else wrote there. Write the row by hand.");
      }
      key_columns_.push_back(*column);
    }
    key_ = ParseRow(key_columns_, conflict.key);
  }

  // Locks the row, if there is one.
  bool Is(const std::optional<std::string>& image) {
    const Row row = image ? ParseRow(shape_.columns, *image) : KeyOnly();
    const Row* const only = &row;
    const sql::FirstRow found = session_.QueryEach(LookUpsertSql(shape_), {&only, 1}).front();
    exists_ = found.has_value();
    if (!image || !exists_) return exists_ == image.has_value();
    return found->at(3) == "t" || found->at(3) == "1";
  }

  void Become(const std::optional<std::string>& image) {
    if (!image) return Execute(EraseRowSql(shape_), key_);
    Execute(exists_ ? OverwriteRowSql(shape_) : InsertRowSql(shape_),
            ParseRow(shape_.columns, *image));
  }

 private:
  Row KeyOnly() const {
    Row row;
    for (const Column& column : shape_.columns) {
      const auto place = std::ranges::find(shape_.key, column.name);
      row.Append(place == shape_.key.end() ? ValueView::Null()
                                           : key_[static_cast<size_t>(place - shape_.key.begin())]);
    }
    return row;
  }

  void Execute(const Sql& sql, const Row& row) {
    const Row* const only = &row;
    session_.ExecuteEach(sql, {&only, 1});
  }

  sql::Session& session_;
  const TargetShape shape_;
  std::vector<Column> key_columns_;
  Row key_;
  bool exists_ = false;
};

}  // namespace

void EnsureConflictTable(sql::Session& session) {
  const sql::SqlDialect& words = sql::DialectOf(session);
  MakeOwnTable(
      session, kConflictTable,
      Format("CREATE TABLE IF NOT EXISTS {0} (id {1}, detected_at {2} NOT NULL, "
             "pipeline text NOT NULL, table_name text NOT NULL, key {3} NOT NULL, "
             "conflict_type text NOT NULL, rule text NOT NULL, winner text NOT NULL, "
             "log_id text NOT NULL, log_offset bigint NOT NULL, source_origin text NOT NULL, "
             "target_origin text NOT NULL, source_version text NOT NULL, target_version text, "
             "source_row {3}, target_row {3}, resolved_at {2}, resolution text); "
             "CREATE INDEX IF NOT EXISTS {4} ON {0} (pipeline, log_id, log_offset)",
             ConflictTableSql(session), words.NumberedKeyType(), words.StampType(),
             words.JsonType(), kIndex),
      HasIndex);
}

void RecordConflicts(sql::Session& session, const ConflictSource& source,
                     std::span<const Conflict> conflicts) {
  std::vector<Row> rows;
  std::vector<const Row*> pointers;
  rows.reserve(conflicts.size());
  for (const Conflict& conflict : conflicts) {
    Row& row = rows.emplace_back();
    row.Append(ValueView::Text(source.pipeline));
    row.Append(ValueView::Text(conflict.table.ToString()));
    row.Append(ValueView::Text(conflict.key));
    row.Append(ValueView::Text(ConflictTypeName(conflict.type)));
    row.Append(ValueView::Text(ConflictRuleName(conflict.rule)));
    row.Append(ValueView::Text(conflict.source_won ? kSource : kTarget));
    row.Append(ValueView::Text(source.log_id));
    row.Append(ValueView::Int(static_cast<int64_t>(conflict.offset.value())));
    row.Append(ValueView::Text(source.source_origin));
    row.Append(ValueView::Text(source.target_origin));
    row.Append(ValueView::Text(conflict.source_version));
    AppendText(conflict.target_version, row);
    AppendText(conflict.source_row, row);
    AppendText(conflict.target_row, row);
    pointers.push_back(&row);
  }
  const sql::SqlDialect& words = sql::DialectOf(session);
  session.ExecuteEach(
      Format("INSERT INTO {0} (detected_at, {1}) SELECT {2}, $1, $2, $3, $4, $5, $6, $7, $8, "
             "$9, $10, $11, $12, $13, $14 WHERE NOT EXISTS (SELECT 1 FROM {0} WHERE "
             "pipeline = $1 AND log_id = $7 AND log_offset = $8 AND table_name = $2 AND "
             "key = $3 AND winner = $6 AND source_version = $11 AND {3} AND {4})",
             ConflictTableSql(session), kInsertedConflict, words.Now(),
             words.IsSame("source_row", "$13"), words.IsSame("target_row", "$14")),
      pointers);
}

std::vector<ConflictRecord> ListConflicts(const sql::DatabaseUrl& target,
                                          const ConflictFilter& filter) {
  const auto session = sql::Session::Open(target, {.read_only = true});
  const OwnTableReading table(*session, kConflictTable);
  if (!table.exists()) return {};
  Sql rest = filter.resolved_too ? Sql("WHERE TRUE") : Sql("WHERE resolved_at IS NULL");
  sql::Parameters parameters;
  if (filter.id) {
    rest += Format(" AND id = {}", *filter.id);
  }
  if (filter.pipeline) {
    rest += " AND pipeline = $1";
    parameters.emplace_back(*filter.pipeline);
  }
  rest += " ORDER BY id DESC";
  if (filter.limit > 0) rest += Format(" LIMIT {}", filter.limit);
  return SelectConflict(*session, rest, parameters);
}

uint64_t CountUnresolved(const sql::DatabaseUrl& target, const std::string& pipeline,
                         const std::string& log_id) {
  const auto session = sql::Session::Open(target, {.read_only = true});
  const OwnTableReading table(*session, kConflictTable);
  if (!table.exists()) return 0;
  const auto found =
      session->Query(Format("SELECT count(*) FROM {} WHERE resolved_at IS NULL AND pipeline = $1 "
                            "AND log_id = $2",
                            ConflictTableSql(*session)),
                     {pipeline, log_id});
  return IdOf(found.rows.at(0).at(0).value_or(""));
}

void EraseConflicts(const sql::DatabaseUrl& target, const std::vector<uint64_t>& ids) {
  const auto session = sql::Session::Open(target);
  sql::Transaction transaction(*session, sql::Session::Isolation::kWrite);
  if (!HoldOwnTable(*session, kConflictTable)) return;
  std::vector<Row> rows;
  std::vector<const Row*> pointers;
  rows.reserve(ids.size());
  for (const uint64_t id : ids) {
    rows.emplace_back().Append(ValueView::Int(static_cast<int64_t>(id)));
    pointers.push_back(&rows.back());
  }
  session->ExecuteEach(Format("DELETE FROM {} WHERE id = $1", ConflictTableSql(*session)),
                       pointers);
  transaction.Commit();
}

std::string ResolveConflict(const sql::DatabaseUrl& target, uint64_t id, Keep keep, bool force) {
  const auto session = sql::Session::Open(target);
  sql::Transaction transaction(*session, sql::Session::Isolation::kWrite);
  const ConflictRecord conflict = Unresolved(*session, target.display, id);
  const auto& won = conflict.winner == kSource ? conflict.source_row : conflict.target_row;
  const auto& kept = keep == Keep::kSource ? conflict.source_row : conflict.target_row;
  ConflictingRow row(*session, conflict);
  if (!row.Is(won) && !force) {
    throw UsageError(
        fmt::format("the row {} of {} is not what the conflict left there any more", conflict.key,
                    conflict.table),
        "Somebody, or a later change of the source, has written it since. Look at it, and use "
        "--force to overwrite it all the same.");
  }
  row.Become(kept);
  const char* const side = keep == Keep::kSource ? kSource : kTarget;
  session->Change(Format("UPDATE {} SET resolved_at = {}, resolution = $1 WHERE id = $2",
                         ConflictTableSql(*session), sql::DialectOf(*session).Now()),
                  {std::string(side) + " kept", std::to_string(id)});
  transaction.Commit();
  const std::string state =
      keep == Keep::kSource
          ? fmt::format("the source's state of offset {}, version {}", conflict.offset,
                        conflict.source_version)
          : fmt::format("the target's own state{}",
                        conflict.target_version ? ", version " + *conflict.target_version : "");
  return fmt::format("{} of {} is {}{}", conflict.key, conflict.table,
                     kept ? "now " : "deleted: ", state);
}

}  // namespace syncline::apply
