#include "tools/verify/target_normalizer.h"

#include <fmt/format.h>

#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "engine/sql/sql_dialect.h"

namespace syncline::cli {
namespace {

constexpr char kNumber[] = "syncline_row";

}  // namespace

TargetNormalizer::TargetNormalizer(sql::Session& session, const ComparedTable& table, size_t number)
    : session_(session), table_(table), stage_(table.target) {
  const sql::SqlDialect& words = sql::DialectOf(session);
  for (const Column& column : stage_.columns) columns_.push_back(column.name);
  stage_.table = {std::string(words.TemporarySchema()), fmt::format("syncline_verify_{}", number)};
  create_ =
      sql::Format("CREATE TEMP TABLE {}{} AS SELECT {}, 0 AS {} FROM {}{}",
                  sql::Quote(stage_.table.name), words.DropAtCommit(), sql::QuoteList(columns_),
                  sql::Sql(kNumber), sql::Quote(table.target.table), words.WithoutRows());
  columns_.emplace_back(kNumber);
  stage_.columns.push_back({.name = kNumber, .type = Type::kInt, .native_type = "integer"});
}

std::vector<std::optional<Row>> TargetNormalizer::Of(std::span<const Row> rows) {
  std::vector<std::optional<Row>> stored(rows.size());
  Store(rows, 0, stored);
  return stored;
}

// A row that is refused is left out, and what stands before and behind it is stored by itself.
void TargetNormalizer::Store(std::span<const Row> rows, size_t first,
                             std::vector<std::optional<Row>>& stored) {
  while (!rows.empty()) {
    std::vector<Row> numbered(rows.begin(), rows.end());
    std::vector<const Row*> pointers;
    for (size_t i = 0; i < numbered.size(); ++i) {
      numbered[i].Append(ValueView::Int(static_cast<int64_t>(first + i)));
      pointers.push_back(&numbered[i]);
    }
    size_t refused = 0;
    try {
      return ThroughStage(pointers, stored);
    } catch (const Error& error) {
      if (!error.refusal()) throw;
      if (rows.size() == 1) return;
      // Where the database does not say which it was, halves are tried.
      const std::optional<uint64_t> row = error.refusal()->row;
      const bool is_named = row && *row < rows.size();
      refused = is_named ? *row : rows.size() / 2;
      Store(rows.first(refused), first, stored);
      if (is_named) Store(rows.subspan(refused, 1), first + refused, stored);
      refused += is_named ? 1 : 0;
      rows = rows.subspan(refused);
      first += refused;
    }
  }
}

void TargetNormalizer::ThroughStage(std::span<const Row* const> rows,
                                    std::vector<std::optional<Row>>& stored) {
  // Where it can, the table goes with the commit: in PostgreSQL deleted rows would be read again
  // each time, and each commit would empty all such tables of the session.
  std::optional<sql::Transaction> transaction;
  if (!sql::DialectOf(session_).DropAtCommit().empty()) {
    transaction.emplace(session_, sql::Session::Isolation::kWrite);
    session_.Execute(create_);
  } else if (is_made_) {
    session_.Execute("DELETE FROM " + sql::Quote(stage_.table));
  } else {
    session_.Execute(create_);
    is_made_ = true;
  }
  session_.LoadRows(stage_.table, columns_, rows);
  session_.ReadRows({.schema = stage_}, [&](Row& row) {
    Row form;
    form.Reserve(row.bytes().size());
    size_t left = table_.target.columns.size();
    for (const ValueView value : row) {
      if (left-- > 0) {
        form.Append(value);
      } else {
        stored.at(static_cast<size_t>(value.as_int())) = std::move(form);
        break;
      }
    }
  });
  if (transaction) transaction->Commit();
}

}  // namespace syncline::cli
