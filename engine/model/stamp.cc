#include "engine/model/stamp.h"

#include <algorithm>
#include <chrono>

#include "engine/model/value_text.h"

namespace syncline {
namespace {

constexpr int64_t kDayUs = 86'400'000'000;
constexpr int64_t kDaysMax = kPositiveInfinity / kDayUs;

bool IsInfinite(int64_t time) { return time == kNegativeInfinity || time == kPositiveInfinity; }

// The day that a moment falls on.
int64_t DayOf(int64_t stamp) {
  if (IsInfinite(stamp)) return stamp;
  return std::chrono::floor<std::chrono::days>(std::chrono::microseconds(stamp)).count();
}

}  // namespace

std::optional<int64_t> StampOf(const Value& version) {
  const ValueView value = version.view();
  switch (version.type()) {
    case Type::kTimestamp:
    case Type::kTimestampTz:
      return value.as_int();
    case Type::kDate:
      if (IsInfinite(value.as_int())) return value.as_int();
      return std::clamp(value.as_int(), -kDaysMax, kDaysMax) * kDayUs;
    case Type::kText: {
      const std::optional<Value> time = FromText(Type::kTimestampTz, value.as_string());
      return time ? StampOf(*time) : std::nullopt;
    }
    default:
      return {};
  }
}

Value VersionAt(Type type, int64_t stamp) {
  const Value moment(ValueView::TimestampTz(stamp));
  switch (type) {
    case Type::kTimestamp:
      return Value(ValueView::Timestamp(stamp));
    case Type::kDate:
      return Value(ValueView::Date(DayOf(stamp)));
    case Type::kText:
      return Value(ValueView::Text(ToText(moment)));
    default:
      return moment;
  }
}

}  // namespace syncline
