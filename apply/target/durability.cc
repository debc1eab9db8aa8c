#include "apply/target/durability.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "apply/state/own_tables.h"
#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"

namespace syncline::apply {
namespace {

// Every table that a crash empties, under its own name and under those that it is written by. One
// that has partitions holds nothing itself.
constexpr char kNotDurable[] = R"(
  WITH RECURSIVE named AS (
    SELECT c.oid AS emptied, c.oid FROM pg_catalog.pg_class c
    WHERE c.relpersistence = 'u' AND c.relkind = 'r'
    UNION
    SELECT n.emptied, i.inhparent FROM pg_catalog.pg_inherits i JOIN named n ON n.oid = i.inhrelid)
  SELECT es.nspname, e.relname, cs.nspname, c.relname
  FROM named JOIN pg_catalog.pg_class e ON e.oid = named.emptied
  JOIN pg_catalog.pg_namespace es ON es.oid = e.relnamespace
  JOIN pg_catalog.pg_class c ON c.oid = named.oid
  JOIN pg_catalog.pg_namespace cs ON cs.oid = c.relnamespace
  ORDER BY 1, 2)";

// In this time a table is found that was made UNLOGGED, without a query for each batch.
constexpr std::chrono::seconds kLooksApart(1);

// The schemas of temporary tables.
constexpr std::string_view kTemporary = "pg_temp";

const std::string kDefaultSchema = "public";

constexpr char kSettings[] =
    "SELECT pg_catalog.current_setting('fsync'), pg_catalog.current_setting('full_page_writes'), "
    "pg_catalog.current_setting('synchronous_commit')";

}  // namespace

void RequireDurable(sql::Session& session, std::span<const TableName> tables) {
  const bool may_be_unlogged =
      sql::ForDialect(session.dialect(), sql::IfPostgres{true}, sql::IfSqlite{false});
  if (!may_be_unlogged) return;
  for (const TableName& table : tables) {
    if (!table.schema.starts_with(kTemporary)) continue;
    throw UsageError(
        fmt::format("{} on the target names a temporary table, which ends with its session",
                    table.ToString()),
        "Set `to` to an ordinary table.");
  }
  for (const auto& row : session.Query(kNotDurable).rows) {
    const TableName emptied{row.at(0).value_or(""), row.at(1).value_or("")};
    const TableName written{row.at(2).value_or(""), row.at(3).value_or("")};
    const bool is_target = std::ranges::any_of(tables, [&](const TableName& table) {
      const std::string& schema = table.schema.empty() ? kDefaultSchema : table.schema;
      return table.name == written.name && schema == written.schema;
    });
    const bool is_own = std::ranges::find(kOwnTables, written.name) != std::end(kOwnTables);
    if (!is_target && !is_own) continue;
    throw UsageError(
        fmt::format("table {} on the target is UNLOGGED: a crash of the server empties it, and "
                    "not what else tells how far the pipeline is",
                    emptied.ToString()),
        fmt::format("Run: ALTER TABLE {} SET LOGGED; If the server has crashed since the pipeline "
                    "began, then have everything applied again, which changes nothing that is "
                    "there: `syncline offsets set PIPELINE 0`.",
                    sql::Quote(emptied).text()));
  }
}

void DurabilityWatch::Look(sql::Session& session,
                           const std::map<TableName, TableMapping>& mappings) {
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_ < kLooksApart) return;
  std::vector<TableName> targets;
  for (const auto& [source, mapping] : mappings) targets.push_back(mapping.target);
  RequireDurable(session, targets);
  looked_ = now;
}

std::vector<DurabilityConcern> DurabilityConcerns(sql::Session& session) {
  const bool has_settings =
      sql::ForDialect(session.dialect(), sql::IfPostgres{true}, sql::IfSqlite{false});
  if (!has_settings) return {};  // those of our own session are fixed
  const auto row = session.Query(kSettings).rows.at(0);
  std::vector<DurabilityConcern> concerns;
  if (row.at(0) == "off") {
    concerns.push_back(
        {"fsync is off on the server: when its machine crashes, the database may be "
         "damaged, and rows may be lost that count as applied",
         "Set fsync = on in postgresql.conf, unless the database can be made anew "
         "at any time."});
  }
  if (row.at(1) == "off") {
    concerns.push_back(
        {"full_page_writes is off on the server: when its machine crashes, pages "
         "may be damaged without anybody noticing",
         "Set full_page_writes = on in postgresql.conf."});
  }
  if (row.at(2) == "off") {
    concerns.push_back(
        {"synchronous_commit is off for this role: a crash of the server takes the "
         "last commits back, rows and progress together, and they are applied again",
         "That is safe for the rows, as long as the log keeps their changes; else: "
         "ALTER ROLE .. SET synchronous_commit = on."});
  }
  return concerns;
}

}  // namespace syncline::apply
