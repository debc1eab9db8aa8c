#include "capture/plan/tombstone_horizon.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "engine/model/value_text.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"

namespace syncline::capture {
namespace {

using sql::Format;
using sql::Quote;
using sql::Sql;

Value ParseNumber(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return Value(ValueView::Int(number));
}

Value ParsePruned(const std::optional<std::string>& text, Dialect dialect) {
  if (!text || !text->starts_with(kHorizonText)) return {};
  const std::string_view cursor = std::string_view(*text).substr(sizeof(kHorizonText) - 1);
  return sql::ForDialect(dialect, sql::IfPostgres{[&] {
                           return FromText(Type::kTimestampTz, cursor).value_or(Value());
                         }},
                         sql::IfSqlite{[&] { return ParseNumber(cursor); }});
}

Value HorizonOf(sql::Session& session, const TableName& table) {
  const auto rows = session.Query("SELECT " + PrunedSql(table, session.dialect())).rows;
  return ParsePruned(rows.at(0).at(0), session.dialect());
}

std::string TextOf(const Value& horizon) { return kHorizonText + ToText(horizon); }

// In its turn with others that prune: the horizon is read and set under a lock that does not keep
// anybody from deleting.
uint64_t PrunePostgres(sql::Session& owner, const TombstoneShape& shape, int64_t seconds) {
  const Sql table = Quote(TombstoneTable(shape.table));
  owner.Execute(Format("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE", table));
  const auto gone =
      owner
          .Query(Format("WITH gone AS (DELETE FROM {0} WHERE {1} < pg_catalog.clock_timestamp() - "
                        "{2} * interval '1 second' RETURNING {1}) SELECT pg_catalog.count(*), "
                        "(extract(epoch FROM pg_catalog.max({1})) * 1000000)::pg_catalog.int8 - "
                        "946684800000000 FROM gone",
                        table, kDeletedAt, seconds))
          .rows.at(0);
  if (!gone.at(1)) return 0;
  int64_t horizon = std::stoll(*gone.at(1));
  // What was written down long ago and committed late moves it, too: who has settled what was
  // dropped up to the one before has not settled this.
  const Value before = HorizonOf(owner, shape.table);
  if (!before.is_null()) horizon = std::max(horizon, before.view().as_int() + 1);
  const std::string text = TextOf(Value(ValueView::TimestampTz(horizon)));
  owner.Execute(Format("COMMENT ON TABLE {} IS {}", table, sql::TextLiteral(text, shape.dialect)));
  return std::stoull(gone.at(0).value());
}

uint64_t PruneSqlite(sql::Session& owner, const TombstoneShape& shape, int64_t seconds) {
  const Sql table = Quote(TombstoneTable(shape.table));
  const auto before = owner
                          .Query(Format("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now', "
                                        "'{} seconds')",
                                        -seconds))
                          .rows.at(0)
                          .at(0);
  const Sql which =
      Format("FROM {} WHERE {} < $1 AND {} > {}", table, kDeletedAt, kTombstoneId, kHorizonId);
  const auto highest =
      owner.Query(Format("SELECT max({}) {}", kTombstoneId, which), {before}).rows.at(0).at(0);
  if (!highest) return 0;
  // Numbers are given in the order of commits.
  int64_t horizon = std::stoll(*highest);
  const Value before_it = HorizonOf(owner, shape.table);
  if (!before_it.is_null()) horizon = std::max(horizon, before_it.view().as_int());
  const std::string text = TextOf(Value(ValueView::Int(horizon)));
  const uint64_t gone = owner.Change(Format("DELETE {}", which), {before});
  owner.Change(Format("INSERT OR REPLACE INTO {} ({}, {}) VALUES ({}, $1)", table, kTombstoneId,
                      kDeletedAt, kHorizonId),
               {text});
  return gone;
}

}  // namespace

uint64_t PruneTombstones(sql::Session& owner, const TombstoneShape& shape, int64_t seconds) {
  sql::Transaction transaction(owner, sql::Session::Isolation::kWrite);
  const uint64_t gone = sql::ForDialect(
      shape.dialect, sql::IfPostgres{[&] { return PrunePostgres(owner, shape, seconds); }},
      sql::IfSqlite{[&] { return PruneSqlite(owner, shape, seconds); }});
  transaction.Commit();
  return gone;
}

Sql PrunedSql(const TableName& table, Dialect dialect) {
  const Sql name = Quote(TombstoneTable(table));
  return sql::ForDialect(
      dialect, sql::IfPostgres{[&] {
        return Format(
            "pg_catalog.obj_description(pg_catalog.to_regclass({})::pg_catalog.oid, 'pg_class')",
            sql::TextLiteral(name.text(), dialect));
      }},
      sql::IfSqlite{[&] {
        return Format("(SELECT {} FROM {} WHERE {} = {})", kDeletedAt, name, kTombstoneId,
                      kHorizonId);
      }});
}

Sql ReachedSql(const TableName& table, Dialect dialect) {
  return sql::ForDialect(dialect, sql::IfPostgres{Sql("NULL::pg_catalog.text")}, sql::IfSqlite{[&] {
                           return Format("(SELECT max(seq) FROM sqlite_sequence WHERE name = {})",
                                         sql::TextLiteral(TombstoneTable(table).name, dialect));
                         }});
}

TombstoneExtent ParseExtent(const std::optional<std::string>& pruned,
                            const std::optional<std::string>& reached, Dialect dialect) {
  return {.pruned = ParsePruned(pruned, dialect),
          .reached = reached ? ParseNumber(*reached) : Value()};
}

}  // namespace syncline::capture
