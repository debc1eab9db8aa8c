#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace syncline {

// What a value is; also what a column is declared to hold. The numbers are part of the log's
// format.
enum class Type : uint8_t {
  kNull = 0,
  kBool = 1,
  kInt = 2,           // 64-bit signed
  kDouble = 3,        // NaN, ±infinity and -0.0 are values like any other
  kText = 4,          // UTF-8
  kBytes = 5,         //
  kDecimal = 6,       // exact decimal text: digits, sign, point; or NaN, Infinity, -Infinity
  kDate = 7,          // days since 2000-01-01
  kTime = 8,          // microseconds since midnight; 24:00:00 is allowed
  kTimestamp = 9,     // microseconds since 2000-01-01 00:00:00, no zone
  kTimestampTz = 10,  // microseconds since 2000-01-01 00:00:00 UTC
  kUuid = 11,         // 16 bytes
  kJson = 12,         // its text, as the source gave it
  kOther = 13,  // anything else, in the source's own text form (arrays, ranges, inet, enums ...)
};

// "int", "timestamptz" ...: the name used in messages and in `log cat`.
std::string_view TypeName(Type type);

// Dates and timestamps at these ends are -infinity and infinity. The epoch is PostgreSQL's, because
// its last year, 294276, does not fit into 64 bits when counted from 1970.
inline constexpr int64_t kNegativeInfinity = std::numeric_limits<int64_t>::min();
inline constexpr int64_t kPositiveInfinity = std::numeric_limits<int64_t>::max();

// One value that borrows its text or bytes. Plain and cheap to copy; valid as long as what it was
// made from.
class ValueView {
 public:
  constexpr ValueView() = default;  // NULL

  static constexpr ValueView Null() { return {}; }
  static constexpr ValueView Bool(bool value) { return {Type::kBool, value ? 1 : 0, {}}; }
  static constexpr ValueView Int(int64_t value) { return {Type::kInt, value, {}}; }
  static ValueView Double(double value);
  static constexpr ValueView Date(int64_t days) { return {Type::kDate, days, {}}; }
  static constexpr ValueView Time(int64_t us) { return {Type::kTime, us, {}}; }
  static constexpr ValueView Timestamp(int64_t us) { return {Type::kTimestamp, us, {}}; }
  static constexpr ValueView TimestampTz(int64_t us) { return {Type::kTimestampTz, us, {}}; }
  static constexpr ValueView Text(std::string_view text) { return {Type::kText, 0, text}; }
  static constexpr ValueView Bytes(std::string_view bytes) { return {Type::kBytes, 0, bytes}; }
  static constexpr ValueView Decimal(std::string_view text) { return {Type::kDecimal, 0, text}; }
  static constexpr ValueView Uuid(std::string_view bytes16) { return {Type::kUuid, 0, bytes16}; }
  static constexpr ValueView Json(std::string_view text) { return {Type::kJson, 0, text}; }
  static constexpr ValueView Other(std::string_view text) { return {Type::kOther, 0, text}; }
  // A value of any type whose content is a number (kBool, kInt, kDate ... kTimestampTz) or a
  // string.
  static constexpr ValueView OfNumber(Type type, int64_t number) { return {type, number, {}}; }
  static constexpr ValueView OfString(Type type, std::string_view s) { return {type, 0, s}; }

  constexpr Type type() const { return type_; }
  constexpr bool is_null() const { return type_ == Type::kNull; }
  constexpr bool as_bool() const { return number_ != 0; }
  // kInt, kDate, kTime, kTimestamp, kTimestampTz.
  constexpr int64_t as_int() const { return number_; }
  double as_double() const;
  // kText, kBytes, kDecimal, kUuid, kJson, kOther.
  constexpr std::string_view as_string() const { return string_; }

  // Same type and same bits: NaN equals NaN, 0.0 and -0.0 differ, "1.0" and "1.00" differ.
  constexpr bool operator==(const ValueView&) const = default;

 private:
  constexpr ValueView(Type type, int64_t number, std::string_view string)
      : type_(type), number_(number), string_(string) {}

  Type type_ = Type::kNull;
  int64_t number_ = 0;  // a double's bits for kDouble
  std::string_view string_;
};

// True for the types whose content is as_string().
constexpr bool HoldsString(Type type) {
  return type == Type::kText || type == Type::kBytes || type == Type::kDecimal ||
         type == Type::kUuid || type == Type::kJson || type == Type::kOther;
}

// How two values of one type order as cursors and versions: NULL lowest; numbers and times by
// value; text and bytes bytewise; decimals by value. Values of different types order by type (never
// expected).
std::strong_ordering CompareValues(ValueView a, ValueView b);

// One value that owns its text or bytes.
class Value {
 public:
  Value() = default;  // NULL
  explicit Value(ValueView view)
      : type_(view.type()),
        number_(view.type() == Type::kDouble || !HoldsString(view.type()) ? Bits(view) : 0),
        string_(view.as_string()) {}

  ValueView view() const {
    return HoldsString(type_) ? ValueView::OfString(type_, string_)
                              : ValueView::OfNumber(type_, number_);
  }
  operator ValueView() const { return view(); }  // NOLINT: a Value is a ValueView that owns
  Type type() const { return type_; }
  bool is_null() const { return type_ == Type::kNull; }
  bool operator==(const Value&) const = default;

 private:
  static int64_t Bits(ValueView view) { return view.as_int(); }

  Type type_ = Type::kNull;
  int64_t number_ = 0;
  std::string string_;
};

}  // namespace syncline
