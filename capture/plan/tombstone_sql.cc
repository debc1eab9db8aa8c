#include "capture/plan/tombstone_sql.h"

#include <fmt/format.h>

#include <algorithm>

#include "capture/plan/short_hash.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"

namespace syncline::capture {
namespace {

using sql::Format;
using sql::Join;
using sql::Quote;
using sql::QuoteList;
using sql::Sql;

constexpr std::string_view kPrefix = "syncline_tombstones_";
constexpr size_t kIdentifierBytesMax = 63;

std::vector<std::string> KeyNames(const TombstoneShape& shape) {
  std::vector<std::string> names;
  for (const Column& column : shape.key) names.push_back(column.name);
  return names;
}

Sql KeyList(const TombstoneShape& shape, const Sql& prefix = {}) {
  return QuoteList(KeyNames(shape), prefix);
}

// Whether OLD and NEW have different values in one of the columns.
Sql Differ(const std::vector<std::string>& columns, const Sql& is_not) {
  std::vector<Sql> terms;
  for (const std::string& column : columns) {
    terms.push_back(Format("OLD.{0} {1} NEW.{0}", Quote(column), is_not));
  }
  return Join(terms, " OR ");
}

// The same of a PostgreSQL table's key. IS DISTINCT FROM means `=` and no other operator.
Sql KeyDiffers(const TombstoneShape& shape) {
  const std::vector<std::string> names = KeyNames(shape);
  if (shape.key_equals.empty()) return Differ(names, "IS DISTINCT FROM");
  std::vector<Sql> terms;
  for (size_t i = 0; i < names.size(); ++i) {
    terms.push_back(Format("NOT coalesce(OLD.{0} {1} NEW.{0}, OLD.{0} IS NULL AND NEW.{0} IS NULL)",
                           Quote(names[i]), shape.key_equals[i]));
  }
  return Join(terms, " OR ");
}

// A PostgreSQL text in dollars that its content does not hold.
Sql InDollars(const Sql& text) {
  Sql name = "$syncline";
  while (text.text().find((name + "$").text()) != std::string_view::npos) name += "_";
  return Format("{0}${1}{0}$", name, text);
}

Sql InsertKeys(const TombstoneShape& shape) {
  return Format("INSERT INTO {} ({})", Quote(TombstoneTable(shape.table)), KeyList(shape));
}

// CREATE TRIGGER name `when` ON table `how` ..
struct PostgresTrigger {
  Sql name;
  TableName on;
  Sql when;
  Sql how;
};

std::vector<PostgresTrigger> PostgresTriggers(const TombstoneShape& shape) {
  const Sql changed = KeyDiffers(shape);
  std::vector<PostgresTrigger> triggers = {
      {kDeleteTrigger, shape.table, "AFTER DELETE",
       shape.by_row ? Sql("FOR EACH ROW")
                    : Sql("REFERENCING OLD TABLE AS syncline_old FOR EACH STATEMENT")},
      // For each row, since WHEN costs less than a transition table for every update there is.
      {kUpdateTrigger, shape.table, "AFTER UPDATE", Format("FOR EACH ROW WHEN ({})", changed)},
      {kTruncateTrigger, shape.table, "BEFORE TRUNCATE", "FOR EACH STATEMENT"}};
  for (const TableName& partition : shape.partitions) {
    triggers.push_back({kTruncateTrigger, partition, "BEFORE TRUNCATE", "FOR EACH STATEMENT"});
  }
  return triggers;
}

std::vector<Sql> InstallPostgres(const TombstoneShape& shape, const std::string& reader) {
  const TableName tombstones = TombstoneTable(shape.table);
  const Sql table = Quote(tombstones);
  const Sql function = table + "()";
  std::vector<Sql> sql = {
      // The key's types and collations, and nothing else of it: no NOT NULL, no default.
      Format("CREATE TABLE IF NOT EXISTS {} AS SELECT {} FROM {} WITH NO DATA", table,
             KeyList(shape), Quote(shape.table)),
      Format("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {} timestamptz NOT NULL DEFAULT "
             "clock_timestamp()",
             table, kDeletedAt),
      // So that old ones can be deleted although the table has no key.
      Format("ALTER TABLE {} REPLICA IDENTITY FULL", table),
      Format("CREATE INDEX IF NOT EXISTS {} ON {} ({})",
             Quote("syncline_tombstones_at_" + ShortHash(tombstones.name)), table, kDeletedAt)};
  if (!reader.empty()) {
    sql.push_back(Format("GRANT SELECT ON {} TO {}", table, Quote(reader)));
  }
  // SECURITY DEFINER: who deletes rows needs no privilege on the tombstones. A policy that hid rows
  // from TRUNCATE's turn is an error then, not a gap.
  sql.push_back(
      Format("CREATE OR REPLACE FUNCTION {} RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
             "SET search_path = pg_catalog, pg_temp SET row_security = off AS {}",
             function, InDollars(TombstoneFunctionBody(shape))));
  sql.push_back(Format("REVOKE ALL ON FUNCTION {} FROM PUBLIC", function));
  for (const PostgresTrigger& trigger : PostgresTriggers(shape)) {
    const Sql on = Quote(trigger.on);
    sql.push_back(Format("DROP TRIGGER IF EXISTS {} ON {}", trigger.name, on));
    sql.push_back(Format("CREATE TRIGGER {} {} ON {} {} EXECUTE FUNCTION {}", trigger.name,
                         trigger.when, on, trigger.how, function));
    // Also where triggers are off for what is replicated or restored.
    sql.push_back(Format("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}", on, trigger.name));
  }
  // The function runs as its owner: a superuser would lend itself to whoever may replace the table.
  if (!shape.owner.empty()) {
    const Sql owner = Quote(shape.owner);
    sql.push_back(Format("ALTER TABLE {} OWNER TO {}", table, owner));
    sql.push_back(Format("ALTER FUNCTION {} OWNER TO {}", function, owner));
  }
  return sql;
}

TombstoneTrigger SqliteTrigger(const TombstoneShape& shape, const std::string& suffix,
                               const Sql& event, const Sql& keys) {
  const std::string name = TombstoneTable(shape.table).name + "_" + suffix;
  return {name, Format("CREATE TRIGGER {} {} BEGIN {} {}; END", Quote(name), event,
                       InsertKeys(shape), keys)};
}

std::vector<Sql> DropInstalled(const TombstoneShape& shape) {
  std::vector<Sql> sql;
  for (const std::string& name : shape.installed) {
    sql.push_back("DROP TRIGGER IF EXISTS " + Quote(name));
  }
  return sql;
}

std::vector<Sql> InstallSqlite(const TombstoneShape& shape) {
  const Sql table = Quote(TombstoneTable(shape.table));
  Sql columns;
  for (const Column& column : shape.key) {
    columns +=
        Format("{} {}, ", Quote(column.name), sql::DeclaredType(column.native_type, shape.dialect));
  }
  const Sql name = sql::TextLiteral(TombstoneTable(shape.table).name, shape.dialect);
  std::vector<Sql> sql = DropInstalled(shape);
  sql.push_back(
      Format("CREATE TABLE IF NOT EXISTS {} ({} INTEGER PRIMARY KEY AUTOINCREMENT, {}{} TEXT "
             "NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')))",
             table, kTombstoneId, columns, kDeletedAt));
  // Numbers go on from the clock, a million for each of its milliseconds, so that a table that is
  // made anew does not begin below what capture has seen of the one before.
  sql.push_back(
      Format("INSERT INTO sqlite_sequence (name, seq) SELECT {0}, CAST((julianday('now') - "
             "2451544.5) * 86400000 AS INTEGER) * 1000000 WHERE NOT EXISTS (SELECT 1 FROM "
             "sqlite_sequence WHERE name = {0})",
             name));
  // What went while triggers were missing has no tombstone, and theirs have the same text again.
  sql.push_back(Format("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = {}", name));
  sql.push_back(
      Format("INSERT OR REPLACE INTO {} ({}, {}) SELECT {}, '{}' || seq FROM sqlite_sequence WHERE "
             "name = {}",
             table, kTombstoneId, kDeletedAt, kHorizonId, Sql(kHorizonText), name));
  for (TombstoneTrigger& trigger : TombstoneTriggers(shape)) {
    sql.push_back(std::move(trigger.sql));
  }
  return sql;
}

}  // namespace

TableName TombstoneTable(const TableName& table) {
  std::string name = std::string(kPrefix) + table.name;
  if (name.size() > kIdentifierBytesMax) {
    const std::string hash = "_" + ShortHash(table.name);
    size_t end = kIdentifierBytesMax - hash.size();
    while ((static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;  // within a letter
    name = name.substr(0, end) + hash;
  }
  return {table.schema, name};
}

bool IsTombstoneTable(const TableName& table) { return table.name.starts_with(kPrefix); }

// TRUNCATE takes away what its transaction's snapshot may not show: with an older snapshot than the
// statement's own the keys cannot be known.
Sql TombstoneFunctionBody(const TombstoneShape& shape) {
  const Sql copy = Format("{} SELECT {} FROM ", InsertKeys(shape), KeyList(shape));
  return Format(R"(
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
      RAISE EXCEPTION 'Syncline cannot see which rows a TRUNCATE takes away in a % transaction',
        current_setting('transaction_isolation')
        USING HINT = 'Use READ COMMITTED, or DELETE.';
    END IF;
    EXECUTE {} || format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME);
  ELSIF TG_LEVEL = 'ROW' THEN
    {} VALUES ({});
  ELSE
    {}syncline_old;
  END IF;
  RETURN NULL;
END
)",
                sql::TextLiteral(copy.text(), shape.dialect), InsertKeys(shape),
                KeyList(shape, "OLD."), copy);
}

std::vector<TombstoneTrigger> TombstoneTriggers(const TombstoneShape& shape) {
  const Sql table = Quote(shape.table);
  const Sql old_key = Format("VALUES ({})", KeyList(shape, "OLD."));
  std::vector<TombstoneTrigger> triggers = {
      SqliteTrigger(shape, "delete", "AFTER DELETE ON " + table, old_key),
      SqliteTrigger(shape, "update",
                    Format("AFTER UPDATE ON {} WHEN {}", table, Differ(KeyNames(shape), "IS NOT")),
                    old_key)};
  // A row that REPLACE may take away is written down before it is known whether it will: a key that
  // is still there does not count.
  for (size_t i = 0; i < shape.other_keys.size(); ++i) {
    std::vector<Sql> terms;
    for (const std::string& column : shape.other_keys[i]) {
      terms.push_back(Format("{0} = NEW.{0}", Quote(column)));
    }
    const Sql same =
        Format("SELECT {} FROM {} WHERE {}", KeyList(shape), table, Join(terms, " AND "));
    triggers.push_back(
        SqliteTrigger(shape, fmt::format("insert_{}", i + 1), "BEFORE INSERT ON " + table, same));
    triggers.push_back(SqliteTrigger(
        shape, fmt::format("replace_{}", i + 1),
        Format("BEFORE UPDATE ON {} WHEN {}", table, Differ(shape.other_keys[i], "IS NOT")), same));
  }
  return triggers;
}

std::vector<Sql> InstallTombstonesSql(const TombstoneShape& shape, const std::string& reader) {
  return sql::ForDialect(shape.dialect,
                         sql::IfPostgres{[&] { return InstallPostgres(shape, reader); }},
                         sql::IfSqlite{[&] { return InstallSqlite(shape); }});
}

std::vector<Sql> RemoveTombstonesSql(const TombstoneShape& shape) {
  const Sql table = Quote(TombstoneTable(shape.table));
  std::vector<Sql> sql = sql::ForDialect(
      shape.dialect, sql::IfPostgres{[&] {
        // With it go its triggers, those of partitions that came later included.
        return std::vector<Sql>{Format("DROP FUNCTION IF EXISTS {}() CASCADE", table)};
      }},
      sql::IfSqlite{[&] { return DropInstalled(shape); }});
  sql.push_back("DROP TABLE IF EXISTS " + table);
  return sql;
}

}  // namespace syncline::capture
