#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/base/backoff.h"
#include "engine/base/timetable.h"
#include "tools/config/yaml_map.h"

namespace syncline::cli {

// Whom a pipeline's trouble is told to, once when it begins and once when it is over. Plain value
// type.
struct HookConfig {
  std::vector<std::string> commands;  // for a shell
  std::vector<std::string> webhooks;  // URLs, http or https
  bool empty() const { return commands.empty() && webhooks.empty(); }
  bool operator==(const HookConfig&) const = default;
};

// When a pipeline runs, and what becomes of its errors. Plain value type.
struct ScheduleConfig {
  std::string zone = "UTC";
  std::optional<Cron> cron;
  std::optional<Timetable> at;      // `cron` in `zone`; none: again and again, as `every` says
  std::optional<Timetable> verify;  // when its two sides are compared
  Backoff::Options retry;
  HookConfig on_error;
  Microseconds stall = std::chrono::seconds(60);  // WaitLimits::stall
};

// `cron`, `timezone`, `verify`, `retries`, `retry_intervals`, `on_error` and `stall` of `map`, as
// far as they are there; the rest stays. An `every` in `map` takes the place of a cron from before.
void ReadSchedule(YamlMap& map, ScheduleConfig& schedule, Mistakes& mistakes);

// `cron` and `timezone` of `map`, the latter `zone` if it is not there; nothing without a cron.
std::optional<Timetable> ReadTimetable(YamlMap& map, const std::string& zone, Mistakes& mistakes);

}  // namespace syncline::cli
