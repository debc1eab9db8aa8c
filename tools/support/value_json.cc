#include "tools/support/value_json.h"

#include <cmath>

#include "engine/base/printable.h"
#include "engine/model/value_text.h"

namespace syncline::cli {

Json ToJson(ValueView value) {
  switch (value.type()) {
    case Type::kNull:
      return nullptr;
    case Type::kBool:
      return value.as_bool();
    case Type::kInt:
      return value.as_int();
    case Type::kDouble:
      if (std::isfinite(value.as_double())) return value.as_double();
      return ToText(value);
    default:
      return ToText(value);
  }
}

Json RowJson(const TableSchema& schema, const Row& row) {
  Json json = Json::object();
  size_t index = 0;
  for (ValueView value : row) {
    const bool is_there =
        index < schema.columns.size() && schema.columns[index].type != Type::kNull;
    if (is_there) json[schema.columns[index].name] = ToJson(value);
    ++index;
  }
  return json;
}

Json KeyJson(const TableSchema& schema, const Row& key) {
  Json json = Json::object();
  size_t index = 0;
  for (ValueView value : key) {
    if (index < schema.key.size()) json[schema.columns[schema.key[index]].name] = ToJson(value);
    ++index;
  }
  return json;
}

Row KeyOf(const TableSchema& schema, const Change& change) {
  return change.op == Op::kUpsert ? Project(change.row, schema.key) : change.row;
}

std::string Dump(const Json& json) { return PrintableJson(json.dump(Json::Form::kReplace)); }

}  // namespace syncline::cli
