#include "engine/sql/postgres/rows/postgres_binary_writer.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

#include "engine/base/check.h"

namespace syncline::sql {
namespace {

using namespace std::string_view_literals;

// What the types hold, from the server's timestamp.h and numeric.h; days and microseconds count
// from 2000-01-01.
constexpr int64_t kDayMin = -2'451'545;     // 4714-11-24 BC
constexpr int64_t kDayEnd = 2'145'031'949;  // 5874898-06-03
constexpr int64_t kTimestampMin = -211'813'488'000'000'000;
constexpr int64_t kTimestampEnd = 9'223'371'331'200'000'000;  // 294277-01-01
constexpr int64_t kMicrosecondsPerDay = 86'400'000'000;
constexpr size_t kNumericWholeDigitsMax = 131'072;
constexpr size_t kNumericScaleMax = 16'383;

constexpr char kJsonbFormat = 1;

template <typename T>
T Swapped(T value) {
  if constexpr (sizeof value == 2) return static_cast<T>(__builtin_bswap16(value));
  if constexpr (sizeof value == 4) return static_cast<T>(__builtin_bswap32(value));
  if constexpr (sizeof value == 8) return static_cast<T>(__builtin_bswap64(value));
  return value;
}
static_assert(std::endian::native == std::endian::little);

template <typename T>
void Put(T value, std::string& out) {
  const T swapped = Swapped(value);
  out.append(reinterpret_cast<const char*>(&swapped), sizeof swapped);
}

template <typename T>
void PutSized(T value, std::string& out) {
  Put(static_cast<uint32_t>(sizeof value), out);
  Put(value, out);
}

void PutSized(std::string_view bytes, std::string& out) {
  Put(static_cast<uint32_t>(bytes.size()), out);
  out.append(bytes);
}

template <typename T>
bool InRange(int64_t value) {
  return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
}

bool IsEternal(int64_t value) { return value == kNegativeInfinity || value == kPositiveInfinity; }

// A decimal's text, taken apart; `whole` without leading zeros.
struct DecimalText {
  bool negative = false;
  std::string_view whole;
  std::string_view fraction;
};

DecimalText TakeApart(std::string_view text) {
  DecimalText parts;
  parts.negative = text.starts_with('-');
  if (parts.negative) text.remove_prefix(1);
  const size_t point = std::min(text.find('.'), text.size());
  parts.whole = text.substr(0, point);
  parts.whole.remove_prefix(std::min(parts.whole.find_first_not_of('0'), parts.whole.size()));
  if (point < text.size()) parts.fraction = text.substr(point + 1);
  return parts;
}

// Digits, and a point between digits, after a sign or none. NaN and the infinities (which servers
// before 14 do not know) go as text: they are rare.
bool FitsNumeric(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.starts_with('-')) text.remove_prefix(1);
  const auto point = std::ranges::find_if_not(text, is_digit);
  if (point == text.begin()) return false;
  if (point != text.end() &&
      (*point != '.' || point + 1 == text.end() || !std::all_of(point + 1, text.end(), is_digit))) {
    return false;
  }
  const DecimalText parts = TakeApart(text);
  return parts.whole.size() <= kNumericWholeDigitsMax && parts.fraction.size() <= kNumericScaleMax;
}

// numeric_recv of PostgreSQL's numeric.c: count, weight of the first digit, sign, digits after the
// point, then the digits to base 10000. It takes leading and trailing zeros away by itself.
void PutNumeric(std::string_view text, std::string& out) {
  const DecimalText parts = TakeApart(text);
  const size_t whole = (parts.whole.size() + 3) / 4;
  const size_t digits = whole + (parts.fraction.size() + 3) / 4;
  Put(static_cast<uint32_t>(8 + 2 * digits), out);
  Put(static_cast<uint16_t>(digits), out);
  Put(static_cast<int16_t>(static_cast<int>(whole) - 1), out);
  Put(parts.negative ? kNumericNegative : uint16_t{0}, out);
  Put(static_cast<uint16_t>(parts.fraction.size()), out);
  // Those before the point are filled up on the left, those behind it on the right.
  uint16_t digit = 0;
  for (size_t i = 0; i < parts.whole.size(); ++i) {
    digit = static_cast<uint16_t>(digit * 10 + (parts.whole[i] - '0'));
    if ((parts.whole.size() - 1 - i) % 4 == 0) Put(std::exchange(digit, uint16_t{0}), out);
  }
  for (size_t i = 0; i < (digits - whole) * 4; ++i) {
    const int next = i < parts.fraction.size() ? parts.fraction[i] - '0' : 0;
    digit = static_cast<uint16_t>(digit * 10 + next);
    if (i % 4 == 3) Put(std::exchange(digit, uint16_t{0}), out);
  }
}

// As float4in would round its text, that is: not at all.
bool FitsFloat4(double value) {
  return std::isnan(value) || static_cast<double>(static_cast<float>(value)) == value;
}

bool Fits(ValueView value, TypeOid target) {
  const Type type = value.type();
  switch (target) {
    case oid::kBool:
      return type == Type::kBool;
    case oid::kInt2:
      return type == Type::kInt && InRange<int16_t>(value.as_int());
    case oid::kInt4:
      return type == Type::kInt && InRange<int32_t>(value.as_int());
    case oid::kInt8:
      return type == Type::kInt;
    case oid::kOid:
      return type == Type::kInt && InRange<uint32_t>(value.as_int());
    case oid::kXid8:
      return type == Type::kInt && value.as_int() >= 0;
    case oid::kFloat4:
      return type == Type::kDouble && FitsFloat4(value.as_double());
    case oid::kFloat8:
      return type == Type::kDouble;
    case oid::kNumeric:
      return type == Type::kDecimal && FitsNumeric(value.as_string());
    case oid::kDate:
      return type == Type::kDate &&
             (IsEternal(value.as_int()) || (value.as_int() >= kDayMin && value.as_int() < kDayEnd));
    case oid::kTime:
      return type == Type::kTime && value.as_int() >= 0 && value.as_int() <= kMicrosecondsPerDay;
    case oid::kTimestamp:
    case oid::kTimestampTz:
      return type == (target == oid::kTimestamp ? Type::kTimestamp : Type::kTimestampTz) &&
             (IsEternal(value.as_int()) ||
              (value.as_int() >= kTimestampMin && value.as_int() < kTimestampEnd));
    case oid::kUuid:
      return type == Type::kUuid;
    case oid::kBytea:
      return type == Type::kBytes;
    case oid::kText:
    case oid::kVarchar:
    case oid::kBpchar:
      return type == Type::kText && value.as_string().find('\0') == std::string_view::npos;
    case oid::kJson:
    case oid::kJsonb:
      return type == Type::kJson && value.as_string().find('\0') == std::string_view::npos;
    default:
      return false;
  }
}

int32_t DaysForServer(int64_t days) {
  if (days == kNegativeInfinity) return std::numeric_limits<int32_t>::min();
  if (days == kPositiveInfinity) return std::numeric_limits<int32_t>::max();
  return static_cast<int32_t>(days);
}

void PutField(ValueView value, TypeOid target, std::string& out) {
  switch (target) {
    case oid::kBool:
      return PutSized(static_cast<uint8_t>(value.as_bool()), out);
    case oid::kInt2:
      return PutSized(static_cast<int16_t>(value.as_int()), out);
    case oid::kInt4:
    case oid::kOid:
      return PutSized(static_cast<int32_t>(value.as_int()), out);
    case oid::kDate:
      return PutSized(DaysForServer(value.as_int()), out);
    case oid::kInt8:
    case oid::kXid8:
    case oid::kTime:
    case oid::kTimestamp:
    case oid::kTimestampTz:
      return PutSized(value.as_int(), out);
    case oid::kFloat4:
      return PutSized(std::bit_cast<uint32_t>(static_cast<float>(value.as_double())), out);
    case oid::kFloat8:
      return PutSized(std::bit_cast<uint64_t>(value.as_double()), out);
    case oid::kNumeric:
      return PutNumeric(value.as_string(), out);
    case oid::kJsonb:
      Put(static_cast<uint32_t>(value.as_string().size() + 1), out);
      out += kJsonbFormat;
      out.append(value.as_string());
      return;
    default:
      return PutSized(value.as_string(), out);
  }
}

}  // namespace

bool FitBinary(std::span<const Row* const> rows, const std::vector<TypeOid>& types) {
  if (!std::ranges::all_of(types, TakesBinary)) return false;
  return std::ranges::all_of(rows, [&](const Row* row) {
    auto type = types.begin();
    for (const ValueView value : *row) {
      SYNCLINE_CHECK(type != types.end());
      if (!value.is_null() && !Fits(value, *type)) return false;
      ++type;
    }
    SYNCLINE_CHECK(type == types.end());
    return true;
  });
}

void AppendBinaryHeader(std::string& out) { out.append("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"sv); }

void AppendBinaryRow(const Row& row, const std::vector<TypeOid>& types, std::string& out) {
  Put(static_cast<uint16_t>(types.size()), out);
  auto type = types.begin();
  for (const ValueView value : row) {
    if (value.is_null()) {
      Put(int32_t{-1}, out);
    } else {
      PutField(value, *type, out);
    }
    ++type;
  }
}

void AppendBinaryTrailer(std::string& out) { Put(int16_t{-1}, out); }

}  // namespace syncline::sql
