#include "tools/verify/compare_tables.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/error.h"
#include "engine/sql/dialect.h"

namespace syncline::cli {
namespace {

constexpr uint64_t kPageRows = 1000;

// A table's rows in key order, one page in memory at a time.
class RowPages {
 public:
  explicit RowPages(const TableSide& side) : side_(side) {
    for (uint32_t index : side.schema.key) key_.push_back(side.schema.columns[index].name);
  }

  // The row at hand; null after the last.
  const Row* Current() {
    if (at_ == page_.size() && !finished_) ReadPage();
    return at_ < page_.size() ? &page_[at_] : nullptr;
  }
  void Advance() { ++at_; }

 private:
  void ReadPage() {
    const sql::Sql columns = sql::QuoteList(key_);
    sql::Sql where;
    if (!page_.empty()) {
      std::vector<sql::Sql> literals;
      const Row last = Project(page_.back(), side_.schema.key);
      for (ValueView value : last) {
        literals.push_back(sql::Literal(value, side_.session.dialect()));
      }
      where = sql::Format("({}) > ({})", columns, sql::Join(literals, ", "));
    }
    page_.clear();
    at_ = 0;
    side_.session.ReadRows(
        {.schema = side_.schema, .where = where, .order_by = columns, .limit = kPageRows},
        [this](Row& row) { page_.push_back(std::move(row)); });
    finished_ = page_.size() < kPageRows;
  }

  const TableSide& side_;
  std::vector<std::string> key_;
  std::vector<Row> page_;
  size_t at_ = 0;
  bool finished_ = false;
};

std::strong_ordering CompareKeys(const TableSide& source, const Row& a, const TableSide& target,
                                 const Row& b) {
  for (size_t i = 0; i < source.schema.key.size(); ++i) {
    auto order = CompareValues(a[source.schema.key[i]], b[target.schema.key[i]]);
    if (order != std::strong_ordering::equal) return order;
  }
  return std::strong_ordering::equal;
}

}  // namespace

TableSide DescribeSide(sql::Session& session, const TableName& table) {
  const std::optional<sql::TableInfo> info = session.Describe(table);
  if (!info) throw UsageError(fmt::format("there is no table {}", table.ToString()));
  if (info->primary_key.empty()) {
    throw UsageError(fmt::format("table {} has no primary key", table.ToString()));
  }
  TableSchema schema{.table = table, .dialect = session.dialect()};
  for (const sql::ColumnInfo& column : info->columns) schema.columns.push_back(column.column);
  for (const std::string& name : info->primary_key) {
    schema.key.push_back(static_cast<uint32_t>(schema.Find(name)));
  }
  return {session, std::move(schema)};
}

Comparison CompareTables(const TableSide& source, const TableSide& target) {
  RowPages ours(source), theirs(target);
  Comparison result;
  for (;;) {
    const Row* a = ours.Current();
    const Row* b = theirs.Current();
    if (a == nullptr && b == nullptr) return result;
    const auto order = a == nullptr   ? std::strong_ordering::greater
                       : b == nullptr ? std::strong_ordering::less
                                      : CompareKeys(source, *a, target, *b);
    if (order < 0) {
      ++result.missing;
      ours.Advance();
    } else if (order > 0) {
      ++result.extra;
      theirs.Advance();
    } else {
      ++result.rows;
      if (!(*a == *b)) ++result.differing;
      ours.Advance();
      theirs.Advance();
    }
  }
}

}  // namespace syncline::cli
