#include "engine/model/value.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace syncline {
namespace {

constexpr std::array<std::string_view, 14> kTypeNames = {
    "null", "bool", "int",       "double",      "text", "bytes", "decimal",
    "date", "time", "timestamp", "timestamptz", "uuid", "json",  "other"};

std::strong_ordering CompareDoubles(double a, double b) {
  // As PostgreSQL orders them: NaN above all else, -0.0 equal to 0.0.
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) <=> std::isnan(b);
  return a < b   ? std::strong_ordering::less
         : a > b ? std::strong_ordering::greater
                 : std::strong_ordering::equal;
}

// A decimal taken apart: value = sign * 0.digits * 10^exponent, without leading or trailing zeros.
struct DecimalParts {
  int rank = 0;  // -2 -Infinity, -1 negative, 0 zero, 1 positive, 2 Infinity, 3 NaN
  int64_t exponent = 0;
  std::string digits;
};

DecimalParts TakeApart(std::string_view text) {
  if (text == "NaN") return {3, 0, {}};
  if (text == "Infinity") return {2, 0, {}};
  if (text == "-Infinity") return {-2, 0, {}};
  const bool negative = !text.empty() && text.front() == '-';
  if (negative || (!text.empty() && text.front() == '+')) text.remove_prefix(1);
  const size_t point = std::min(text.find('.'), text.size());
  DecimalParts parts;
  parts.digits.append(text.substr(0, point));
  if (point < text.size()) parts.digits.append(text.substr(point + 1));
  const size_t leading = std::min(parts.digits.find_first_not_of('0'), parts.digits.size());
  parts.digits.erase(0, leading);
  parts.digits.erase(parts.digits.find_last_not_of('0') + 1);
  if (parts.digits.empty()) return {};
  parts.exponent = static_cast<int64_t>(point) - static_cast<int64_t>(leading);
  parts.rank = negative ? -1 : 1;
  return parts;
}

std::strong_ordering CompareDecimals(std::string_view a_text, std::string_view b_text) {
  const DecimalParts a = TakeApart(a_text);
  const DecimalParts b = TakeApart(b_text);
  if (a.rank != b.rank) return a.rank <=> b.rank;
  const auto magnitude =
      a.exponent != b.exponent ? a.exponent <=> b.exponent : a.digits.compare(b.digits) <=> 0;
  return a.rank < 0 ? 0 <=> magnitude : magnitude;
}

}  // namespace

std::string_view TypeName(Type type) {
  const auto index = static_cast<size_t>(type);
  return index < kTypeNames.size() ? kTypeNames[index] : "unknown";
}

ValueView ValueView::Double(double value) {
  return {Type::kDouble, std::bit_cast<int64_t>(value), {}};
}

double ValueView::as_double() const { return std::bit_cast<double>(number_); }

std::strong_ordering CompareValues(ValueView a, ValueView b) {
  if (a.type() != b.type()) return a.type() <=> b.type();
  switch (a.type()) {
    case Type::kNull:
      return std::strong_ordering::equal;
    case Type::kDouble:
      return CompareDoubles(a.as_double(), b.as_double());
    case Type::kDecimal:
      return CompareDecimals(a.as_string(), b.as_string());
    default:
      return HoldsString(a.type()) ? a.as_string().compare(b.as_string()) <=> 0
                                   : a.as_int() <=> b.as_int();
  }
}

}  // namespace syncline
