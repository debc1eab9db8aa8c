#include "apply/state/schema_watch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "apply/plan/column_types.h"
#include "apply/state/own_tables.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/log_text.h"
#include "engine/sql/describe_all.h"
#include "engine/sql/dialect.h"
#include "engine/sql/sql_dialect.h"

namespace syncline::apply {
namespace {

using sql::Format;
using sql::Quote;
using sql::Sql;

Sql SchemasTableSql(const sql::Session& session) { return OwnTableSql(session, kSchemasTable); }

Error ForeignRow(const std::string& pipeline, const std::string& table) {
  return DamageError(
      fmt::format(
          "the row of pipeline {} and table {} in {} on the target is not one that Syncline "
          "writes",
          pipeline, table, kSchemasTable),
      "Somebody else wrote there. Delete that row: it is made anew with the table's next change.");
}

TableName TableOf(const std::string& pipeline, const std::string& table) {
  try {
    return TableName::Parse(table);
  } catch (const Error&) {
    throw ForeignRow(pipeline, table);
  }
}

bool IsOmitted(const std::string& column, const TableMapping& mapping) {
  return std::ranges::find(mapping.omit, column) != mapping.omit.end();
}

std::string NameOnTarget(const std::string& column, const TableMapping& mapping) {
  const auto renamed = mapping.columns.find(column);
  return renamed == mapping.columns.end() ? column : renamed->second;
}

// Whether the schema fills the column of that name on the target.
bool HasColumn(const TableSchema& schema, const TableMapping& mapping, const std::string& name,
               Dialect target) {
  return std::ranges::any_of(schema.columns, [&](const Column& column) {
    return column.type != Type::kNull && !IsOmitted(column.name, mapping) &&
           sql::IsSameName(NameOnTarget(column.name, mapping), name, target);
  });
}

}  // namespace

void EnsureSchemaTable(sql::Session& session) {
  MakeOwnTable(session, kSchemasTable,
               Format("CREATE TABLE IF NOT EXISTS {} (pipeline text NOT NULL, source_table text "
                      "NOT NULL, columns text NOT NULL, updated_at {} NOT NULL, PRIMARY KEY "
                      "(pipeline, source_table))",
                      SchemasTableSql(session), sql::DialectOf(session).StampType()));
}

void SchemaWatch::Forget() {
  known_.reset();
  to_note_.clear();
}

SchemaWatch::Known SchemaWatch::KnownOf(const TableSchema& schema, const TableMapping& mapping,
                                        const Known& before) {
  Known known;
  for (const Column& column : schema.columns) {
    if (IsOmitted(column.name, mapping)) continue;
    const auto found = std::ranges::find(before, column.name, &KnownColumn::name);
    known.push_back({.name = column.name,
                     .type = column.native_type,
                     .target = found == before.end() ? std::nullopt : found->target});
  }
  return known;
}

void SchemaWatch::Read(sql::Session& session, const std::string& pipeline) {
  if (known_) return;
  known_.emplace();
  if (!HasOwnTable(session, kSchemasTable))
    return;  // `syncline check` comes before the first batch
  const auto found = session.Query(
      Format("SELECT source_table, columns FROM {} WHERE pipeline = $1", SchemasTableSql(session)),
      {pipeline});
  for (const auto& row : found.rows) {
    const std::string table = row.at(0).value_or("");
    const Json columns = Json::parse_or_null(row.at(1).value_or(""));
    if (!columns.is_array()) throw ForeignRow(pipeline, table);
    Known& known = (*known_)[TableOf(pipeline, table)];
    for (const Json& column : columns) {
      const auto text = [&column](const char* name) {
        const Json* found = column.find(name);
        return found && found->is_string() ? std::optional(found->get<std::string>())
                                           : std::nullopt;
      };
      if (const auto name = text("name"), type = text("type"); name && type) {
        known.push_back({.name = *name, .type = *type, .target = text("target")});
      }
    }
  }
}

std::vector<SchemaWatch::Lost> SchemaWatch::LostBetween(const Known& before, const TableSchema& now,
                                                        const TableMapping& mapping) {
  std::vector<Lost> lost;
  for (const KnownColumn& column : before) {
    if (IsOmitted(column.name, mapping)) continue;
    // A column that has only changed the case of its letters may be the same.
    auto found = std::ranges::find(now.columns, column.name, &Column::name);
    if (found == now.columns.end()) {
      found = std::ranges::find_if(now.columns, [&](const Column& other) {
        return sql::IsSameName(other.name, column.name, now.dialect);
      });
    }
    if (found == now.columns.end()) {
      lost.push_back({&column, nullptr});
    } else if (!sql::IsSameType(found->native_type, column.type, now.dialect)) {
      lost.push_back({&column, &*found});
    }
  }
  return lost;
}

void SchemaWatch::Compare(sql::Session& session, const std::string& pipeline,
                          const Mappings& mappings, const Schemas& schemas) {
  to_note_.clear();
  if (schemas.empty()) return;
  Read(session, pipeline);
  for (const auto& schema : schemas) {
    const TableMapping& mapping = mappings.at(schema->table);
    Known& before = (*known_)[schema->table];
    const Known now = KnownOf(*schema, mapping, before);
    const auto same = [](const KnownColumn& a, const KnownColumn& b) {
      return a.name == b.name && a.type == b.type;
    };
    if (std::ranges::equal(before, now, same)) continue;
    std::vector<std::string>& warnings = to_note_[schema->table];
    const std::vector<Lost> lost = LostBetween(before, *schema, mapping);
    if (mapping.changed_columns == ChangedColumns::kPause) {
      PauseFor(session, *schema, mapping, lost);
    } else {
      for (const auto& [column, is] : lost) {
        warnings.push_back(
            is == nullptr ? LogText("source column dropped, the target's stays with its old values "
                                    "pipeline={} table={} column={}",
                                    pipeline, schema->table.ToString(), column->name)
                          : LogText("source column has another type, the target's keeps its own "
                                    "pipeline={} table={} column={} old=\"{}\" new=\"{}\"",
                                    pipeline, schema->table.ToString(), column->name, column->type,
                                    is->native_type));
      }
    }
    before = now;
  }
}

// Returns when all that was lost is settled on the target: the column is gone there, or its type is
// another one than it was.
void SchemaWatch::PauseFor(sql::Session& session, const TableSchema& schema,
                           const TableMapping& mapping, const std::vector<Lost>& lost) const {
  if (lost.empty()) return;
  const std::optional<sql::TableInfo> info = session.Describe(mapping.target);
  if (!info) return;  // it is made anew
  std::vector<std::string> what, statements;
  std::string renamed;
  for (const auto& [before, now] : lost) {
    const std::string name = NameOnTarget(before->name, mapping);
    const sql::ColumnInfo* const column = info->Find(name, session.dialect());
    if (column == nullptr) continue;
    if (now == nullptr) {
      if (HasColumn(schema, mapping, name, session.dialect())) continue;
      what.push_back(fmt::format("column {} is gone (dropped or renamed)", before->name));
      renamed += Format(" If it was renamed, run: ALTER TABLE {} RENAME COLUMN {} TO its new name;",
                        Quote(info->name), Quote(name))
                     .ToString();
      continue;
    }
    const std::string& is = column->column.native_type;
    const Sql type = TypeToShow(session, schema.dialect, *now, info->name);
    const bool fits = sql::DeclaredType(is, session.dialect()) == type;
    if (fits || (before->target && !sql::IsSameType(is, *before->target, session.dialect()))) {
      continue;
    }
    what.push_back(
        fmt::format("column {} is {} now, was {}", before->name, now->native_type, before->type));
    statements.push_back(sql::DialectOf(session).Retype(info->name, name, type).ToString());
  }
  if (what.empty()) return;
  std::string hint;
  if (!statements.empty()) {
    hint = fmt::format("Run: {} Then start again. ", fmt::join(statements, " "));
  }
  throw UsageError(
      fmt::format("source table {}: {}; table {} on the target does not follow that by itself",
                  schema.table.ToString(), fmt::join(what, ", "), info->name.ToString()),
      fmt::format("{}To keep the target's columns as they are, with the values that they have, "
                  "start again with `changed_columns: keep`.{}",
                  hint, renamed));
}

void SchemaWatch::Note(sql::Session& session, const std::string& pipeline,
                       const Mappings& mappings) {
  std::vector<TableName> tables, targets;
  for (const auto& [table, warnings] : std::exchange(to_note_, {})) {
    for (const std::string& warning : warnings) logger_->Warn("{}", LogPairs{warning});
    tables.push_back(table);
    targets.push_back(mappings.at(table).target);
  }
  const std::vector<std::optional<sql::TableInfo>> infos = sql::DescribeAll(session, targets);
  std::vector<Row> rows;
  for (size_t i = 0; i < tables.size(); ++i) {
    const TableMapping& mapping = mappings.at(tables[i]);
    const std::optional<sql::TableInfo>& info = infos[i];
    for (KnownColumn& column : known_->at(tables[i])) {
      const sql::ColumnInfo* const is =
          info ? info->Find(NameOnTarget(column.name, mapping), session.dialect()) : nullptr;
      column.target = is == nullptr ? std::nullopt : std::optional(is->column.native_type);
    }
    // What the target lacks was left out (`new_columns: ignore`), and is not for it to know.
    Known there = known_->at(tables[i]);
    if (info) std::erase_if(there, [](const KnownColumn& column) { return !column.target; });
    rows.push_back(RowOf(pipeline, tables[i], there));
  }
  Write(session, rows);
}

// As the table of schemas has it, up to updated_at.
Row SchemaWatch::RowOf(const std::string& pipeline, const TableName& table, const Known& known) {
  Json columns = Json::array();
  for (const KnownColumn& column : known) {
    Json json = {{"name", column.name}, {"type", column.type}};
    if (column.target) json["target"] = *column.target;
    columns.push_back(std::move(json));
  }
  Row row;
  row.Append(ValueView::Text(pipeline));
  row.Append(ValueView::Text(table.ToString()));
  row.Append(ValueView::Text(columns.dump(Json::Form::kAscii)));
  return row;
}

void SchemaWatch::Write(sql::Session& session, const std::vector<Row>& rows) {
  std::vector<const Row*> pointers;
  for (const Row& row : rows) pointers.push_back(&row);
  session.ExecuteEach(
      Format("INSERT INTO {0} (pipeline, source_table, columns, updated_at) VALUES ($1, $2, "
             "$3, {1}) ON CONFLICT (pipeline, source_table) DO UPDATE SET columns = "
             "excluded.columns, updated_at = excluded.updated_at",
             SchemasTableSql(session), sql::DialectOf(session).Now()),
      pointers);
}

void SchemaWatch::ForgetOmitted(sql::Session& session, const std::string& pipeline,
                                const Mappings& mappings) {
  Read(session, pipeline);
  for (auto& [table, known] : *known_) {
    const auto mapping = mappings.find(table);
    if (mapping == mappings.end()) continue;
    const auto is_omitted = [&](const KnownColumn& column) {
      return IsOmitted(column.name, mapping->second);
    };
    if (std::erase_if(known, is_omitted) > 0) Write(session, {RowOf(pipeline, table, known)});
  }
}

}  // namespace syncline::apply
