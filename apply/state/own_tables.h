#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/sql/session.h"
#include "engine/sql/sql_text.h"

namespace syncline::apply {

// Syncline's own tables on a target. On PostgreSQL they are in the schema `public` and nowhere
// else, and each is taken for ours only if sql::LookAtOwnTable has no objection: whoever makes a
// table of such a name first would otherwise run code as Syncline's role.
inline constexpr char kProgressTable[] = "syncline_progress";
inline constexpr char kConflictTable[] = "syncline_conflicts";
inline constexpr char kQuarantineTable[] = "syncline_quarantine";
inline constexpr char kSchemasTable[] = "syncline_schemas";
// All of them.
inline constexpr std::string_view kOwnTables[] = {kProgressTable, kConflictTable, kQuarantineTable,
                                                  kSchemasTable};

TableName OwnTable(const sql::Session& session, std::string_view name);
// The same, quoted.
sql::Sql OwnTableSql(const sql::Session& session, std::string_view name);

// Whether the target has that table. Throws UsageError with the way to go on where something of
// that name must not be taken for it, and where an earlier version has put it into another schema.
bool HasOwnTable(sql::Session& session, std::string_view name);

// Makes it by `create`, statements with IF NOT EXISTS, unless it is there and `is_whole`; in a
// transaction of its own, and again where another session has made it at once. Throws as
// HasOwnTable does.
void MakeOwnTable(sql::Session& session, std::string_view name, const sql::Sql& create,
                  bool (*is_whole)(sql::Session&) = nullptr);

// Within a transaction that may write, before the tables are used: as HasOwnTable, with a lock on
// the table where somebody could alter or replace it meanwhile.
bool HoldOwnTable(sql::Session& session, std::string_view name);

// A table that is only read, by a session that is made for that: holds it as long as it lives.
// Belongs to the session's thread.
class OwnTableReading {
 public:
  OwnTableReading(sql::Session& session, std::string_view name);
  bool exists() const { return exists_; }

 private:
  std::optional<sql::Transaction> transaction_;
  bool exists_ = false;
};

// Puts the DDL of all Syncline processes on one PostgreSQL database into turns, until the
// transaction ends, so that they seldom make the same object at once, where IF NOT EXISTS fails.
// Returns without the lock when somebody holds it for long. SQLite's write lock does this already.
void LockForDdl(sql::Session& session);

// Takes the lock that writing takes, which keeps triggers, rules and DROP out of the table until
// the transaction ends.
void LockOwnTable(sql::Session& session, std::string_view name);

// Throws RestartError where another session makes the same at that moment.
void ExecuteDdl(sql::Session& session, const sql::Sql& ddl);

}  // namespace syncline::apply
