#include "engine/model/row_shape.h"

#include "engine/model/row.h"
#include "engine/model/schema.h"

namespace syncline {
namespace {

constexpr uint16_t Bit(Type type) {
  return static_cast<uint16_t>(1u << static_cast<unsigned>(type));
}
static_assert(static_cast<unsigned>(Type::kOther) < 16);

constexpr uint16_t kSqliteStores =
    Bit(Type::kInt) | Bit(Type::kDouble) | Bit(Type::kText) | Bit(Type::kBytes);

uint16_t AllowedIn(const Column& column, Dialect dialect) {
  if (column.type == Type::kNull) return Bit(Type::kNull);
  const uint16_t declared = Bit(column.type) | Bit(Type::kNull);
  return dialect == Dialect::kSqlite ? declared | kSqliteStores : declared;
}

constexpr uint16_t NotNull(uint16_t allowed) {
  return static_cast<uint16_t>(allowed & ~Bit(Type::kNull));
}

}  // namespace

RowShape RowShape::OfRows(const TableSchema& schema) {
  RowShape shape;
  shape.allowed_.reserve(schema.columns.size());
  for (const Column& column : schema.columns) {
    shape.allowed_.push_back(AllowedIn(column, schema.dialect));
  }
  for (const uint32_t key : schema.key) shape.allowed_[key] = NotNull(shape.allowed_[key]);
  return shape;
}

RowShape RowShape::OfKeys(const TableSchema& schema) {
  RowShape shape;
  shape.allowed_.reserve(schema.key.size());
  for (const uint32_t key : schema.key) {
    shape.allowed_.push_back(NotNull(AllowedIn(schema.columns[key], schema.dialect)));
  }
  return shape;
}

bool RowShape::Fits(const Row& row) const {
  if (row.size() != size()) return false;
  size_t column = 0;
  for (const ValueView value : row) {
    if (!Allows(column++, value.type())) return false;
  }
  return true;
}

}  // namespace syncline
