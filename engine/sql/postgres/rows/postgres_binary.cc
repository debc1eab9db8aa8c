#include "engine/sql/postgres/rows/postgres_binary.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

#include "engine/base/error.h"
#include "engine/sql/postgres/rows/postgres_types.h"

namespace syncline::sql {
namespace {

constexpr std::string_view kSignature("PGCOPY\n\377\r\n\0", 11);

// numeric_send's digits have base 10000; these are its signs.
constexpr int kNumericBase = 10'000;
constexpr uint16_t kNumericPositive = 0;
constexpr uint16_t kNumericNaN = 0xC000;
constexpr uint16_t kNumericInfinity = 0xD000;
constexpr uint16_t kNumericNegativeInfinity = 0xF000;

template <typename T>
T Load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  if constexpr (sizeof value == 2) return __builtin_bswap16(value);
  if constexpr (sizeof value == 4) return __builtin_bswap32(value);
  if constexpr (sizeof value == 8) return __builtin_bswap64(value);
}
static_assert(std::endian::native == std::endian::little);

ValueView DateValue(int32_t days) {
  if (days == std::numeric_limits<int32_t>::min()) return ValueView::Date(kNegativeInfinity);
  if (days == std::numeric_limits<int32_t>::max()) return ValueView::Date(kPositiveInfinity);
  return ValueView::Date(days);
}

}  // namespace

void BinaryDecoder::Malformed() {
  throw RestartError("the server's binary COPY stream has a form that Syncline does not know",
                     "Is there a proxy in between that changes what it forwards?");
}

std::string_view BinaryDecoder::Take(size_t size) {
  if (static_cast<size_t>(end_ - at_) < size) Malformed();
  const std::string_view taken(at_, size);
  at_ += size;
  return taken;
}

void BinaryDecoder::ReadHeader() {
  if (Take(kSignature.size()) != kSignature) Malformed();
  Take(4);  // flags: none that concern us
  Take(Load<uint32_t>(Take(4).data()));
  started_ = true;
}

bool BinaryDecoder::NextRow() {
  const auto fields = static_cast<int16_t>(Load<uint16_t>(Take(2).data()));
  if (fields == -1) return false;
  if (fields < 0 || static_cast<size_t>(fields) != types_.size() + (has_size_ ? 1 : 0)) {
    Malformed();
  }
  row_.Clear();
  for (const Oid type : types_) {
    const auto size = static_cast<int32_t>(Load<uint32_t>(Take(4).data()));
    if (size < 0) {
      row_.Append(ValueView::Null());
    } else {
      AppendField(type, Take(static_cast<size_t>(size)));
    }
  }
  if (has_size_) {
    if (Load<uint32_t>(Take(4).data()) != sizeof size_) Malformed();
    size_ = static_cast<int64_t>(Load<uint64_t>(Take(sizeof size_).data()));
  }
  return true;
}

void BinaryDecoder::AppendField(Oid type, std::string_view field) {
  const char* const at = field.data();
  const auto check = [&](size_t size) {
    if (field.size() != size) Malformed();
  };
  switch (type) {
    case oid::kBool:
      check(1);
      return row_.Append(ValueView::Bool(*at != 0));
    case oid::kInt2:
      check(2);
      return row_.Append(ValueView::Int(static_cast<int16_t>(Load<uint16_t>(at))));
    case oid::kInt4:
      check(4);
      return row_.Append(ValueView::Int(static_cast<int32_t>(Load<uint32_t>(at))));
    case oid::kOid:
      check(4);
      return row_.Append(ValueView::Int(Load<uint32_t>(at)));
    case oid::kInt8:
    case oid::kXid8:
      check(8);
      return row_.Append(ValueView::Int(static_cast<int64_t>(Load<uint64_t>(at))));
    case oid::kFloat4:
      check(4);
      return row_.Append(ValueView::Double(std::bit_cast<float>(Load<uint32_t>(at))));
    case oid::kFloat8:
      check(8);
      return row_.Append(ValueView::Double(std::bit_cast<double>(Load<uint64_t>(at))));
    case oid::kDate:
      check(4);
      return row_.Append(DateValue(static_cast<int32_t>(Load<uint32_t>(at))));
    case oid::kTime:
      check(8);
      return row_.Append(ValueView::Time(static_cast<int64_t>(Load<uint64_t>(at))));
    case oid::kTimestamp:
      check(8);
      return row_.Append(ValueView::Timestamp(static_cast<int64_t>(Load<uint64_t>(at))));
    case oid::kTimestampTz:
      check(8);
      return row_.Append(ValueView::TimestampTz(static_cast<int64_t>(Load<uint64_t>(at))));
    case oid::kUuid:
      check(16);
      return row_.Append(ValueView::Uuid(field));
    case oid::kNumeric:
      return AppendNumeric(field);
    case oid::kBytea:
      return row_.Append(ValueView::Bytes(field));
    case oid::kText:
    case oid::kVarchar:
    case oid::kBpchar:
    case oid::kName:
      return row_.Append(ValueView::Text(field));
    case oid::kJson:
    case oid::kJsonb:
      return row_.Append(ValueView::Json(field));
    default:
      return row_.Append(ValueView::Other(field));
  }
}

// numeric_recv and get_str_from_var of PostgreSQL's numeric.c: count, weight of the first digit,
// sign, digits after the point, then the digits to base 10000. A digit that is not sent is zero.
void BinaryDecoder::AppendNumeric(std::string_view field) {
  if (field.size() < 8) Malformed();
  const int digits = Load<uint16_t>(field.data());
  const int weight = static_cast<int16_t>(Load<uint16_t>(field.data() + 2));
  const uint16_t sign = Load<uint16_t>(field.data() + 4);
  const int scale = Load<uint16_t>(field.data() + 6);
  if (field.size() != 8 + 2 * static_cast<size_t>(digits)) Malformed();
  if (sign == kNumericNaN) return row_.Append(ValueView::Decimal("NaN"));
  if (sign == kNumericInfinity) return row_.Append(ValueView::Decimal("Infinity"));
  if (sign == kNumericNegativeInfinity) return row_.Append(ValueView::Decimal("-Infinity"));

  if (sign != kNumericPositive && sign != kNumericNegative) Malformed();

  const auto append_four = [&](int index) {
    const int digit =
        index < 0 || index >= digits ? 0 : Load<uint16_t>(field.data() + 8 + 2 * index);
    if (digit >= kNumericBase) Malformed();
    const char four[] = {
        static_cast<char>('0' + digit / 1000), static_cast<char>('0' + digit / 100 % 10),
        static_cast<char>('0' + digit / 10 % 10), static_cast<char>('0' + digit % 10)};
    numeric_.append(four, 4);
  };
  numeric_.clear();
  for (int index = 0; index <= weight; ++index) append_four(index);
  const size_t first = numeric_.find_first_not_of('0');
  numeric_.erase(0, first == std::string::npos ? numeric_.size() : first);
  if (numeric_.empty()) numeric_ += '0';
  if (sign == kNumericNegative) numeric_.insert(numeric_.begin(), '-');
  if (scale > 0) {
    numeric_ += '.';
    const size_t end = numeric_.size() + static_cast<size_t>(scale);
    for (int index = weight + 1; numeric_.size() < end; ++index) append_four(index);
    numeric_.resize(end);
  }
  row_.Append(ValueView::Decimal(numeric_));
}

}  // namespace syncline::sql
