#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/model/value.h"

namespace syncline {

class Row;
struct TableSchema;

// Which types the values of a row may have, column by column: what a row from outside is held
// against. Plain value type.
//
// PostgreSQL's columns hold values of their declared type only. A column of SQLite also holds
// numbers, text and bytes, whatever it declares. NULL is allowed except in key columns; a column
// of Type::kNull holds nothing else.
class RowShape {
 public:
  // Of a table's rows, and of its keys, whose values stand in key order.
  static RowShape OfRows(const TableSchema& schema);
  static RowShape OfKeys(const TableSchema& schema);

  size_t size() const { return allowed_.size(); }
  bool Allows(size_t column, Type type) const {
    return (allowed_[column] >> static_cast<unsigned>(type) & 1) != 0;
  }
  bool Fits(const Row& row) const;

 private:
  std::vector<uint16_t> allowed_;  // a bit for each Type
};

// Both shapes of one table.
struct TableShapes {
  explicit TableShapes(const TableSchema& schema)
      : rows(RowShape::OfRows(schema)), keys(RowShape::OfKeys(schema)) {}

  RowShape rows;
  RowShape keys;
};

}  // namespace syncline
