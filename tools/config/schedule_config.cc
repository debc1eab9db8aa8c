#include "tools/config/schedule_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/error.h"

namespace syncline::cli {
namespace {

template <typename Make>
auto OrMistake(YamlMap& map, const std::string& key, Mistakes& mistakes, Make&& make)
    -> std::optional<decltype(make())> {
  try {
    return make();
  } catch (const Error& error) {
    mistakes.Add(map.LineOf(key),
                 fmt::format("\"{}\": {}; {}", key, error.message(), error.hint()));
    return {};
  }
}

std::optional<Cron> ReadCron(YamlMap& map, Mistakes& mistakes) {
  const auto text = map.Text("cron");
  if (!text) return {};
  return OrMistake(map, "cron", mistakes, [&] { return Cron::Parse(*text); });
}

std::string ReadZone(YamlMap& map, const std::string& zone, Mistakes& mistakes) {
  const auto text = map.Text("timezone");
  if (!text) return zone;
  const auto known = OrMistake(map, "timezone", mistakes,
                               [&] { return Timetable::At(Cron::Parse("@daily"), *text); });
  return known ? *text : zone;
}

void ReadVerify(YamlMap& map, const std::string& zone, std::optional<Timetable>& verify,
                Mistakes& mistakes) {
  if (!map.Has("verify")) return;
  if (!map.IsMap("verify")) {
    if (const auto every = map.Duration("verify")) verify = Timetable::Every(*every);
    return;
  }
  YamlMap own = map.Inside("verify");
  if (const auto timetable = ReadTimetable(own, zone, mistakes)) verify = timetable;
  if (!own.Has("cron")) {
    mistakes.Add(own.line(), "\"verify\" needs a time, such as 1d, or {cron: \"0 3 * * *\"}");
  }
  own.RefuseOthers();
}

void ReadIntervals(YamlMap& map, Backoff::Options& retry, Mistakes& mistakes) {
  const std::string_view key = "retry_intervals";
  if (!map.Has(key)) return;
  if (!map.IsMap(key)) {
    retry.waits = map.Durations(key);
    return;
  }
  YamlMap ends = map.Inside(key);
  const Backoff::Options usual;
  retry.waits.clear();
  retry.first = ends.Duration("first").value_or(usual.first);
  const Microseconds most = std::max(usual.most, retry.first);
  retry.most = ends.Duration("max").value_or(most);
  if (retry.first > retry.most) {
    mistakes.Add(ends.line(), "\"retry_intervals\": \"first\" must not be longer than \"max\"");
  }
  ends.RefuseOthers();
}

void ReadHooks(YamlMap& map, HookConfig& hooks, Mistakes& mistakes) {
  if (!map.Has("on_error")) return;
  YamlMap own = map.Inside("on_error");
  hooks.commands = own.Texts("command");
  hooks.webhooks = own.Texts("webhook");
  for (const std::string& url : hooks.webhooks) {
    if (url.starts_with("http://") || url.starts_with("https://")) continue;
    own.Unfit("webhook", url);
  }
  if (!own.Has("command") && !own.Has("webhook")) {
    mistakes.Add(own.line(),
                 "\"on_error\" needs somebody to tell, such as {command: \"...\"} or {webhook: "
                 "\"https://...\"}");
  }
  own.RefuseOthers();
}

}  // namespace

std::optional<Timetable> ReadTimetable(YamlMap& map, const std::string& zone, Mistakes& mistakes) {
  const std::string own_zone = ReadZone(map, zone, mistakes);
  const std::optional<Cron> cron = ReadCron(map, mistakes);
  if (!cron) return {};
  return Timetable::At(*cron, own_zone);
}

void ReadSchedule(YamlMap& map, ScheduleConfig& schedule, Mistakes& mistakes) {
  schedule.zone = ReadZone(map, schedule.zone, mistakes);
  if (map.Has("every")) {
    if (map.Has("cron")) {
      mistakes.Add(map.LineOf("cron"),
                   "\"cron\" and \"every\" exclude each other: one says at which times to poll, "
                   "the other polls again and again");
    }
    schedule.cron.reset();
  }
  if (const auto cron = ReadCron(map, mistakes)) schedule.cron = cron;
  schedule.at.reset();
  if (schedule.cron) schedule.at = Timetable::At(*schedule.cron, schedule.zone);
  ReadVerify(map, schedule.zone, schedule.verify, mistakes);
  if (const auto retries = map.Number("retries")) {
    schedule.retry.retries = static_cast<int>(*retries);
  }
  ReadIntervals(map, schedule.retry, mistakes);
  ReadHooks(map, schedule.on_error, mistakes);
  // The least of it is long enough to ask the server in a sixth of it.
  schedule.stall = map.Duration("stall").value_or(schedule.stall);
}

}  // namespace syncline::cli
