#include "apply/state/row_image.h"

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/model/value_text.h"

namespace syncline::apply {
namespace {

Json ToJson(Type type, const std::optional<std::string>& text) {
  if (!text) return nullptr;
  if (type == Type::kInt || type == Type::kBool) {
    const std::optional<Value> value = FromText(type, *text);
    if (value && type == Type::kInt) return value->view().as_int();
    if (value) return value->view().as_bool();
  }
  return *text;
}

}  // namespace

std::string RowImage(const std::vector<Column>& columns,
                     const std::vector<std::optional<std::string>>& values) {
  Json json = Json::object();
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].type == Type::kNull) continue;
    json[columns[i].name] = ToJson(columns[i].type, values.at(i));
  }
  return json.dump(Json::Form::kReplace);
}

std::string RowImage(const std::vector<Column>& columns, const Row& row) {
  std::vector<std::optional<std::string>> values;
  for (const ValueView value : row) {
    if (value.is_null()) {
      values.emplace_back();
    } else {
      values.emplace_back(ToText(value));
    }
  }
  return RowImage(columns, values);
}

std::string AsciiImage(const std::string& image) {
  return Json::parse_or_null(image).dump(Json::Form::kAscii);
}

std::vector<std::optional<std::string>> ParseRowImage(const std::vector<Column>& columns,
                                                      const std::string& image) {
  const Json json = Json::parse_or_null(image);
  if (!json.is_object()) {
    throw DamageError("the image of a row is no JSON object",
                      "Somebody else wrote to Syncline's tables on the target.");
  }
  std::vector<std::optional<std::string>> values;
  for (const Column& column : columns) {
    const Json* found = json.find(column.name);
    if (!found || found->is_null()) {
      values.emplace_back();
    } else {
      values.emplace_back(found->is_string() ? found->get<std::string>() : found->dump());
    }
  }
  return values;
}

Row ParseRow(const std::vector<Column>& columns, const std::string& image) {
  const std::vector<std::optional<std::string>> texts = ParseRowImage(columns, image);
  Row row;
  for (size_t i = 0; i < columns.size(); ++i) {
    const Type type = columns[i].type;
    std::optional<Value> value;
    if (texts[i] && (type == Type::kBytes || type == Type::kInt || type == Type::kBool ||
                     type == Type::kDouble)) {
      value = FromText(type, *texts[i]);
    }
    if (value) {
      row.Append(*value);
    } else {
      row.Append(texts[i] ? ValueView::Text(*texts[i]) : ValueView::Null());
    }
  }
  return row;
}

}  // namespace syncline::apply
