#include "engine/model/same_value.h"

#include <cmath>
#include <optional>
#include <string>

#include "engine/model/stamp.h"
#include "engine/model/value_text.h"

namespace syncline {
namespace {

bool IsTime(Type type) {
  return type == Type::kDate || type == Type::kTimestamp || type == Type::kTimestampTz;
}

Value AsText(ValueView value) {
  if (value.type() == Type::kText) return Value(value);
  return Value(ValueView::Text(ToText(value)));
}

// "1.50" and "1.5", "-0.0" and "0" are one number.
std::string Trimmed(std::string text) {
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
  }
  const bool negative = text.starts_with('-');
  const size_t first = text.find_first_not_of('0', negative ? 1 : 0);
  if (first == std::string::npos) return "0";
  const bool point = text[first] == '.';
  return (negative ? "-" : "") + std::string(point ? "0" : "") + text.substr(first);
}

std::optional<Value> AsDecimal(ValueView value) {
  const std::optional<Value> decimal = FromText(Type::kDecimal, ToText(value));
  if (!decimal) return std::nullopt;
  const std::string text(decimal->view().as_string());
  if (text.find_first_of("NI") != std::string::npos) return decimal;
  return Value(ValueView::Decimal(Trimmed(text)));
}

std::optional<Value> AsDouble(ValueView value) {
  std::optional<Value> number = FromText(Type::kDouble, ToText(value));
  if (number && number->view().as_double() == 0) return Value(ValueView::Double(0.0));
  return number;
}

std::optional<Value> AsBool(ValueView value) {
  const std::string text = ToText(value);
  if (text == "1" || text == "t" || text == "true") return Value(ValueView::Bool(true));
  if (text == "0" || text == "f" || text == "false") return Value(ValueView::Bool(false));
  return std::nullopt;
}

std::string Lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

std::optional<Value> ReadAs(Type type, ValueView value) {
  switch (type) {
    case Type::kBool:
      return AsBool(value);
    case Type::kInt:
    case Type::kDecimal:
      return AsDecimal(value);
    case Type::kDouble:
      return AsDouble(value);
    case Type::kTime:
      return FromText(type, ToText(value));
    case Type::kUuid:
      return FromText(type, Lower(ToText(value)));
    case Type::kBytes:
      return FromText(type, ToText(value));
    default:
      return std::nullopt;
  }
}

}  // namespace

Value CanonicalValue(Type type, ValueView value) {
  if (value.is_null()) return Value();
  if (IsTime(type)) {
    const std::optional<int64_t> us = StampOf(value);
    return us ? Value(ValueView::TimestampTz(*us)) : AsText(value);
  }
  if (const std::optional<Value> read = ReadAs(type, value)) return *read;
  return AsText(value);
}

bool IsSameValue(Type type, ValueView a, ValueView b) {
  return a == b || CanonicalValue(type, a) == CanonicalValue(type, b);
}

Type ComparedType(Type a, Type b, bool is_stamp) {
  for (const Type type : {a, b}) {
    if (IsTime(type)) return type;
  }
  if (is_stamp) return Type::kTimestampTz;
  for (const Type number : {Type::kBool, Type::kDouble, Type::kDecimal, Type::kInt, Type::kTime,
                            Type::kUuid, Type::kBytes}) {
    if (a == number || b == number) return number;
  }
  return a;
}

}  // namespace syncline
