#include "tools/support/duration.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "engine/model/value_text.h"

namespace syncline::cli {
namespace {

using namespace std::chrono_literals;

struct DurationUnit {
  std::string_view name;
  Microseconds length;
};
constexpr DurationUnit kDurationUnits[] = {
    {"ms", 1ms}, {"s", 1s}, {"m", 1min}, {"h", 1h}, {"d", 24h}};

// Timestamps of the model count from 2000-01-01, WallTime from 1970-01-01.
constexpr Microseconds kModelEpoch = std::chrono::seconds(946'684'800);

}  // namespace

std::optional<Microseconds> ParseDuration(std::string_view text) {
  int64_t count = 0;
  auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || count < 0) return {};
  std::string_view name(rest, text.data() + text.size() - rest);
  for (const DurationUnit& unit : kDurationUnits) {
    if (name != unit.name) continue;
    if (count > std::numeric_limits<int64_t>::max() / unit.length.count()) return {};
    return count * unit.length;
  }
  return {};
}

std::string FormatDuration(Microseconds duration) {
  int64_t us = std::max<int64_t>(duration.count(), 0);
  int64_t seconds = us / 1'000'000;
  if (seconds < 60) return fmt::format("{:.1f} s", static_cast<double>(us / 100'000) / 10.0);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{} d {} h", seconds / 86'400, seconds / 3600 % 24);
}

std::string FormatTime(WallTime time) {
  std::string text = ToText(ValueView::Timestamp((time.time_since_epoch() - kModelEpoch).count()));
  std::replace(text.begin(), text.end(), ' ', 'T');
  return text + "Z";
}

std::optional<WallTime> ParseTime(std::string_view text) {
  std::optional<Value> value = FromText(Type::kTimestampTz, text);
  if (!value) return {};
  int64_t us = value->view().as_int();
  if (us == kNegativeInfinity || us == kPositiveInfinity) return {};
  return WallTime(kModelEpoch + Microseconds(us));
}

}  // namespace syncline::cli
