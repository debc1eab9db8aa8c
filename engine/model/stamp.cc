#include "engine/model/stamp.h"

#include <algorithm>
#include <limits>

#include "engine/model/value_text.h"

namespace syncline {
namespace {

constexpr int64_t kDayUs = 86'400'000'000;
constexpr int64_t kDaysMax = std::numeric_limits<int64_t>::max() / kDayUs;

}  // namespace

std::optional<int64_t> StampOf(const Value& version) {
  const ValueView value = version.view();
  switch (version.type()) {
    case Type::kTimestamp:
    case Type::kTimestampTz:
      return value.as_int();
    case Type::kDate:
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
      return Value(ValueView::Date(stamp / kDayUs));
    case Type::kText:
      return Value(ValueView::Text(ToText(moment)));
    default:
      return moment;
  }
}

}  // namespace syncline
