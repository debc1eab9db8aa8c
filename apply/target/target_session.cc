#include "apply/target/target_session.h"

#include "apply/target/quiet_triggers.h"
#include "engine/sql/for_dialect.h"

namespace syncline::apply {
namespace {

// A batch meets a target of any size: for each of its rows the server is to use the key's index,
// also when it thinks that reading the whole table would do. Row numbers are looked up in a hash
// table, which has to fit into work_mem.
constexpr char kPostgresSettings[] =
    "SET enable_hashjoin = off; SET enable_mergejoin = off; SET work_mem = '64MB'";

// What the log of this database holds a crash must not take back; and nobody polls the database
// while a batch waits for a lock.
constexpr char kNodeSettings[] = "SET synchronous_commit = on; SET lock_timeout = '1s'";

}  // namespace

std::unique_ptr<sql::Session> OpenTargetSession(const sql::DatabaseUrl& url, bool two_way,
                                                const std::vector<TableName>& quiet,
                                                OwnTables& own) {
  auto session = sql::Session::Open(url, {.create = true});
  sql::ForDialect(session->dialect(), sql::IfPostgres{[&] {
                    session->Execute(kPostgresSettings);
                    if (two_way) session->Execute(kNodeSettings);
                  }},
                  sql::IfSqlite{[&] {
                    // A batch that does not fit into the cache would keep the log from reading the
                    // file meanwhile.
                    if (two_way) session->Execute("PRAGMA cache_spill = OFF");
                  }});
  if (!quiet.empty()) KeepTriggersQuiet(*session, quiet);
  own.Open(*session);
  return session;
}

}  // namespace syncline::apply
