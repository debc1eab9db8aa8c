#include "engine/sql/postgres/rows/postgres_unreadable.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "engine/sql/postgres/rows/postgres_copy_stream.h"
#include "engine/sql/postgres/rows/postgres_row_size.h"

namespace syncline::sql {
namespace {

// Asked about in one statement.
constexpr size_t kRowsAsked = 1'000;
// More are no odd rows any more.
constexpr size_t kRowsMax = 10'000;

bool HasText(Oid type) { return !IsShort(type) || type == oid::kName; }

// Fails for text that is no UTF-8, or has no equivalent there.
Sql BytesInUtf8(const Sql& column) {
  return Format("coalesce(pg_catalog.octet_length(pg_catalog.convert_to({}, 'UTF8')), 0)",
                OutputText(column));
}

// The text with all other bytes than ASCII's in octal.
Sql Escaped(const Sql& column) {
  return Format(
      "pg_catalog.encode(pg_catalog.convert_to({}, pg_catalog.getdatabaseencoding()), 'escape')",
      OutputText(column));
}

bool IsKey(const TableSchema& schema, size_t column) {
  return std::ranges::find(schema.key, column) != schema.key.end();
}

}  // namespace

bool MayHoldUnreadable(const PostgresConnection& connection) {
  const char* const encoding = ::PQparameterStatus(connection.handle(), "server_encoding");
  return encoding != nullptr && std::string_view(encoding) != "UTF8";
}

// character_not_in_repertoire, untranslatable_character
bool IsUnreadable(std::string_view code) { return code == "22021" || code == "22P05"; }

UnreadableRows::UnreadableRows(PostgresConnection& connection, const Session::Read& read,
                               const std::vector<Oid>& types)
    : connection_(connection), read_(read), types_(types) {
  Sql sql =
      Format("SELECT tableoid::pg_catalog.text, ctid::pg_catalog.text FROM {}", ReadFrom(read));
  if (!read.where.empty()) sql += " WHERE " + read.where;
  if (!read.order_by.empty()) sql += " ORDER BY " + read.order_by;
  if (read.limit > 0) sql += Format(" LIMIT {}", read.limit);
  std::map<std::string, std::vector<Place>> places;  // by table
  for (const PostgresResult::Row row : connection_.Run(sql)) {
    places[row[0].c_str()].push_back({row[0].c_str(), row[1].c_str()});
  }
  std::vector<Sql> columns;
  for (size_t i = 0; i < types_.size(); ++i) {
    if (HasText(types_[i])) columns.push_back(Quote(read_.schema.columns[i].name));
  }
  for (const auto& [table, all] : places) {
    for (std::span<const Place> left = all; !left.empty();) {
      const auto some = left.first(std::min(left.size(), kRowsAsked));
      left = left.subspan(some.size());
      Find(some, columns);
    }
  }
}

void UnreadableRows::Find(std::span<const Place> places, const std::vector<Sql>& columns) {
  if (columns.empty() || !Holds(places, columns)) return;
  if (places.size() > 1) {
    Find(places.first(places.size() / 2), columns);
    return Find(places.subspan(places.size() / 2), columns);
  }
  if (rows_.size() == kRowsMax) {
    throw StopError(fmt::format("{}: more than {} rows hold text that is not valid in UTF-8",
                                read_.schema.table.ToString(), kRowsMax),
                    "mend them at the source, or leave the column out with omit:");
  }
  rows_.push_back(places.front());
}

namespace {

template <typename Places>
Sql AreThese(const Places& places) {
  std::string tuples = "{";
  for (const auto& place : places) tuples += (tuples.size() > 1 ? ",\"" : "\"") + place.tuple + '"';
  return Format("tableoid = {} AND ctid = ANY ({}::pg_catalog.tid[])",
                TextLiteral(places.front().table, Dialect::kPostgres),
                TextLiteral(tuples + "}", Dialect::kPostgres));
}

}  // namespace

bool UnreadableRows::Holds(std::span<const Place> places, const std::vector<Sql>& columns) {
  std::vector<Sql> sizes;
  for (const Sql& column : columns) sizes.push_back(BytesInUtf8(column));
  connection_.Run("SAVEPOINT syncline_look");
  try {
    connection_.Run(Format("SELECT pg_catalog.sum({}) FROM {} WHERE {}", Join(sizes, " + "),
                           ReadFrom(read_), AreThese(places)));
  } catch (const Error& error) {
    if (!IsUnreadable(error.code())) throw;
    connection_.Run("ROLLBACK TO SAVEPOINT syncline_look");
    connection_.Run("RELEASE SAVEPOINT syncline_look");
    return true;
  }
  connection_.Run("RELEASE SAVEPOINT syncline_look");
  return false;
}

Sql UnreadableRows::Others() const {
  std::map<std::string, std::vector<Place>> places;  // by table
  for (const Place& place : rows_) places[place.table].push_back(place);
  std::vector<Sql> others;
  for (const auto& [table, these] : places) others.push_back(Format("NOT ({})", AreThese(these)));
  return Join(others, " AND ");
}

void UnreadableRows::Tell() {
  for (const Place& place : rows_) TellOne(place);
}

void UnreadableRows::TellOne(const Place& place) {
  const TableSchema& schema = read_.schema;
  const std::span<const Place> only(&place, 1);
  std::vector<std::string> unreadable;
  bool key_is_known = true;
  std::vector<Sql> list;
  for (size_t i = 0; i < types_.size(); ++i) {
    const Sql column = Quote(schema.columns[i].name);
    const bool is_bad = HasText(types_[i]) && Holds(only, {column});
    if (is_bad) unreadable.push_back(schema.columns[i].name);
    if (is_bad && IsKey(schema, i)) key_is_known = false;
    const bool told = IsKey(schema, i) || schema.IsCursor(static_cast<uint32_t>(i));
    const Sql value = CopiedValue(column, types_[i]);
    list.push_back(!told    ? Format("CASE WHEN false THEN {} END", value)
                   : is_bad ? Escaped(column)
                            : value);
  }
  const std::string why =
      fmt::format("column {} holds text that is not valid in UTF-8", fmt::join(unreadable, ", "));
  StreamCopy(connection_,
             Format("COPY (SELECT {} FROM {} WHERE {}) TO STDOUT (FORMAT binary)", Join(list, ", "),
                    ReadFrom(read_), AreThese(only)),
             types_, /*has_size=*/false,
             [&](Row& row, uint64_t) { read_.unreadable(row, why, key_is_known); });
}

}  // namespace syncline::sql
