#include "apply/state/own_tables.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/own_table.h"
#include "engine/sql/sql_dialect.h"

namespace syncline::apply {
namespace {

using sql::Quote;

// "SYNCLINE" in ASCII, so that a DBA who looks at pg_locks has a chance.
constexpr int64_t kDdlLock = 0x53594E434C494E45;

// Longer than others of us take to make a table. Whoever can connect can hold the lock, so nobody
// waits for it to the end.
constexpr std::chrono::milliseconds kDdlLockMax(250);
constexpr std::chrono::milliseconds kDdlLockStep(10);

// How often several sessions may get into each other's way.
constexpr int kTriesMax = 20;

// Whether DDL fails so when another session makes the same at that moment: its row in an index of
// the catalogue is there by now, or the row of a schema or a table has changed.
bool IsMadeByOthers(const Error& error) {
  return error.condition() == Condition::kUniqueViolation ||
         error.condition() == Condition::kMadeByOthers;
}

// Where earlier versions have made the tables: wherever the role's unqualified names went.
constexpr char kElsewhereSql[] = R"(
  SELECT n.nspname, c.relname
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_roles r ON r.oid = c.relowner AND r.rolname = CURRENT_USER
  WHERE c.relkind = 'r' AND n.nspname <> 'public' AND n.nspname NOT LIKE 'pg\_%'
    AND c.relname IN ('syncline_progress', 'syncline_conflicts', 'syncline_quarantine',
                      'syncline_schemas')
    AND n.nspname = (
      SELECT m.nspname FROM pg_catalog.pg_class p
      JOIN pg_catalog.pg_namespace m ON m.oid = p.relnamespace
      WHERE p.relname = $1 AND p.relkind = 'r' AND p.relowner = r.oid AND m.nspname <> 'public'
        AND m.nspname NOT LIKE 'pg\_%' ORDER BY m.nspname LIMIT 1)
  ORDER BY 2)";

void RefuseElsewhere(sql::Session& session, std::string_view name) {
  const bool may_be_elsewhere =
      sql::ForDialect(session.dialect(), sql::IfPostgres{true}, sql::IfSqlite{false});
  if (!may_be_elsewhere) return;
  const auto found = session.Query(kElsewhereSql, {std::string(name)}).rows;
  if (found.empty()) return;
  std::string moves;
  for (const auto& row : found) {
    const TableName table{row.at(0).value(), row.at(1).value()};
    moves += fmt::format(" ALTER TABLE {} SET SCHEMA public;", Quote(table).text());
  }
  throw UsageError(
      fmt::format("Syncline's table {} is in the schema {}, and is looked for in public only", name,
                  found.front().at(0).value()),
      fmt::format("An earlier version has made it there. Move what belongs together:{}", moves));
}

// Throws what speaks against taking the table for ours.
void Accept(const sql::OwnTable& found, const sql::Session& session, std::string_view name) {
  if (found.objection.empty()) return;
  throw UsageError(fmt::format("table {} on the target {}: Syncline does not write to it",
                               OwnTable(session, name).ToString(), found.objection),
                   found.hint);
}

}  // namespace

TableName OwnTable(const sql::Session& session, std::string_view name) {
  return {std::string(sql::DialectOf(session).DefaultSchema()), std::string(name)};
}

sql::Sql OwnTableSql(const sql::Session& session, std::string_view name) {
  return Quote(OwnTable(session, name));
}

bool HasOwnTable(sql::Session& session, std::string_view name) {
  const sql::OwnTable found = sql::LookAtOwnTable(session, OwnTable(session, name));
  Accept(found, session, name);
  if (!found.exists) RefuseElsewhere(session, name);
  return found.exists;
}

void MakeOwnTable(sql::Session& session, std::string_view name, const sql::Sql& create,
                  bool (*is_whole)(sql::Session&)) {
  for (int tries = 1;; ++tries) {
    // A role that may not make tables can still use it.
    if (HasOwnTable(session, name) && (is_whole == nullptr || is_whole(session))) return;
    try {
      sql::Transaction transaction(session, sql::Session::Isolation::kWrite);
      LockForDdl(session);
      session.Execute(create);
      HasOwnTable(session, name);  // somebody may have been quicker
      return transaction.Commit();
    } catch (const Error& error) {
      if (!IsMadeByOthers(error) || tries == kTriesMax) throw;
    }
  }
}

void LockOwnTable(sql::Session& session, std::string_view name) {
  session.Execute(sql::Format("LOCK TABLE {} IN ROW EXCLUSIVE MODE", OwnTableSql(session, name)));
}

bool HoldOwnTable(sql::Session& session, std::string_view name) {
  const sql::OwnTable found = sql::LookAtOwnTable(session, OwnTable(session, name));
  Accept(found, session, name);
  if (!found.exists) RefuseElsewhere(session, name);
  if (!found.exists || !found.is_shaky) return found.exists;
  LockOwnTable(session, name);
  return HasOwnTable(session, name);
}

OwnTableReading::OwnTableReading(sql::Session& session, std::string_view name) {
  const sql::OwnTable found = sql::LookAtOwnTable(session, OwnTable(session, name));
  if (found.is_shaky) {
    transaction_.emplace(session, sql::Session::Isolation::kWrite);
    session.Execute(sql::Format("LOCK TABLE {} IN ACCESS SHARE MODE", OwnTableSql(session, name)));
  }
  exists_ = HasOwnTable(session, name);
}

void LockForDdl(sql::Session& session) {
  const bool has_advisory_locks =
      sql::ForDialect(session.dialect(), sql::IfPostgres{true}, sql::IfSqlite{false});
  if (!has_advisory_locks) return;
  const sql::Sql lock = sql::Format("SELECT pg_catalog.pg_try_advisory_xact_lock({})", kDdlLock);
  const auto end = std::chrono::steady_clock::now() + kDdlLockMax;
  while (session.Query(lock).rows.at(0).at(0) != "t" && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(kDdlLockStep);
  }
}

void ExecuteDdl(sql::Session& session, const sql::Sql& ddl) {
  try {
    session.Execute(ddl);
  } catch (const Error& error) {
    if (!IsMadeByOthers(error)) throw;
    throw error.WithReaction(Reaction::kRestart);
  }
}

}  // namespace syncline::apply
