#include "engine/sql/session.h"

namespace syncline::sql {

Sql Symbol(Comparison comparison) {
  switch (comparison) {
    case Comparison::kLess:
      return "<";
    case Comparison::kLessEqual:
      return "<=";
    case Comparison::kEqual:
      return "=";
    case Comparison::kGreaterEqual:
      return ">=";
    case Comparison::kGreater:
      return ">";
  }
  return "=";
}

std::vector<Sql> KeyEquals(Session& session, const TableSchema& table) {
  std::vector<Sql> equals;
  for (const uint32_t column : table.key) {
    equals.push_back(session.Operator(table.columns[column], Comparison::kEqual));
  }
  return equals;
}

}  // namespace syncline::sql
