#include "capture/horizon.h"

#include "capture/ordered_commits.h"
#include "capture/transaction_ticks.h"
#include "engine/sql/dialect.h"

namespace syncline::capture {

std::unique_ptr<Horizon> MakeHorizon(sql::Session& session, const std::vector<TablePlan>& tables,
                                     Microseconds margin) {
  if (session.dialect() == Dialect::kSqlite) {
    return std::make_unique<OrderedCommits>(session, margin);
  }
  return std::make_unique<TransactionTicks>(session, tables, margin);
}

void RememberHighest(sql::Session& session, const std::vector<TablePlan>& tables,
                     CaptureCursor& cursor) {
  for (const TablePlan& table : tables) {
    CaptureCursor::Table& state = cursor.tables[table.schema->table];
    // Once a range is in the log, only a value from before it will do.
    if (!table.counts_up || state.loaded || state.after || !state.seen.is_null()) continue;
    const sql::Session::Read highest{*table.schema, table.where, table.cursor_column() + " DESC",
                                     1};
    session.ReadRows(highest, [&](Row& row) { state.seen = Value(row[table.schema->cursor]); });
  }
}

}  // namespace syncline::capture
