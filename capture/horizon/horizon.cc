#include "capture/horizon/horizon.h"

#include "engine/base/error.h"

namespace syncline::capture {

void RememberHighest(sql::Session& session, const std::vector<CapturePlan>& tables,
                     const Horizon& horizon, CaptureCursor& cursor) {
  // If none of so many can be trusted, nothing is remembered and the first poll reads everything.
  constexpr uint64_t kHighestRows = 1000;
  for (const CapturePlan& table : tables) {
    CaptureCursor::Table& state = cursor.tables[table.schema->table];
    // Once a range is in the log, only a value from before it will do.
    if (!table.counts_up || state.loaded || state.after || !state.seen.is_null()) continue;
    const auto look = [&](const Row& row) {
      Value value(table.schema->VersionOf(row));
      if (state.seen.is_null() && !value.is_null() && horizon.Trusts(state, value))
        state.seen = std::move(value);
    };
    const sql::Session::Read highest{
        *table.schema, table.where,         table.cursor_sql() + " DESC",
        kHighestRows,  table.row_bytes_max, [&](const Row& row, uint64_t) { look(row); },
        table.from()};
    try {
      session.ReadRows(highest, look);
    } catch (const Error& error) {
      // A stamp that is too large to be sorted by: again the first poll reads everything. What else
      // is wrong with the table, its load will tell.
      if (error.reaction() != Reaction::kStop) throw;
      state.seen = Value();
    }
  }
}

}  // namespace syncline::capture
