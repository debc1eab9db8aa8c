#include "tools/schedule_config.h"

#include <fmt/format.h>

#include <charconv>

#include "engine/base/error.h"
#include "tools/duration.h"

namespace syncline::cli {
namespace {

constexpr int kRetriesMax = 1'000'000;
// A sixth of it is for asking the server.
constexpr Microseconds kStallLeast = std::chrono::seconds(1);

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

std::optional<Microseconds> ReadDuration(YamlMap& map, const std::string& key,
                                         const std::string& text, Mistakes& mistakes) {
  const auto value = ParseDuration(text);
  if (value && value->count() > 0) return value;
  mistakes.Add(map.LineOf(key),
               fmt::format("\"{}\" must be {}, not \"{}\"", key, kDurationForms, text));
  return {};
}

void ReadVerify(YamlMap& map, const std::string& zone, std::optional<Timetable>& verify,
                Mistakes& mistakes) {
  if (!map.Has("verify")) return;
  if (!map.IsMap("verify")) {
    const auto text = map.RequiredText("verify", "how often, such as 1d");
    if (!text) return;
    if (const auto every = ReadDuration(map, "verify", *text, mistakes)) {
      verify = Timetable::Every(*every);
    }
    return;
  }
  YamlMap own(map.Child("verify"), "\"verify\"", mistakes);
  if (const auto timetable = ReadTimetable(own, zone, mistakes)) verify = timetable;
  if (!own.Has("cron")) {
    mistakes.Add(own.line(), "\"verify\" needs a time, such as 1d, or {cron: \"0 3 * * *\"}");
  }
  own.RefuseOthers();
}

void ReadRetries(YamlMap& map, Backoff::Options& retry, Mistakes& mistakes) {
  const auto text = map.Text("retries");
  if (!text) return;
  int number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error == std::errc() && end == text->data() + text->size() && number >= 0 &&
      number <= kRetriesMax) {
    retry.retries = number;
  } else {
    mistakes.Add(
        map.LineOf("retries"),
        fmt::format("\"retries\" must be a number from 0 to {}, not \"{}\"", kRetriesMax, *text));
  }
}

void ReadIntervals(YamlMap& map, Backoff::Options& retry, Mistakes& mistakes) {
  const std::string key = "retry_intervals";
  if (!map.Has(key)) return;
  if (!map.IsMap(key)) {
    std::vector<Microseconds> waits;
    for (const std::string& text : map.Texts(key)) {
      if (const auto wait = ReadDuration(map, key, text, mistakes)) waits.push_back(*wait);
    }
    retry.waits = std::move(waits);
    return;
  }
  YamlMap ends(map.Child(key), "\"retry_intervals\"", mistakes);
  const Backoff::Options usual;
  retry.waits.clear();
  const auto end_of = [&](const std::string& name, Microseconds otherwise) {
    const auto text = ends.Text(name);
    return text ? ReadDuration(ends, name, *text, mistakes).value_or(otherwise) : otherwise;
  };
  retry.first = end_of("first", usual.first);
  retry.most = end_of("max", std::max(usual.most, retry.first));
  if (retry.first > retry.most) {
    mistakes.Add(ends.line(), "\"retry_intervals\": \"first\" must not be longer than \"max\"");
  }
  ends.RefuseOthers();
}

void ReadStall(YamlMap& map, Microseconds& stall, Mistakes& mistakes) {
  const auto text = map.Text("stall");
  if (!text) return;
  const auto value = ReadDuration(map, "stall", *text, mistakes);
  if (!value) return;
  if (*value < kStallLeast) {
    mistakes.Add(map.LineOf("stall"),
                 fmt::format("\"stall\" must be at least {}, not \"{}\"",
                             FormatDuration(kStallLeast), *text));
  }
  stall = *value;
}

void ReadHooks(YamlMap& map, HookConfig& hooks, Mistakes& mistakes) {
  if (!map.Has("on_error")) return;
  YamlMap own(map.Child("on_error"), "\"on_error\"", mistakes);
  hooks.commands = own.Texts("command");
  hooks.webhooks = own.Texts("webhook");
  for (const std::string& url : hooks.webhooks) {
    if (url.starts_with("http://") || url.starts_with("https://")) continue;
    mistakes.Add(own.LineOf("webhook"),
                 "\"webhook\" must be a URL that begins with http:// or https://");
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
  ReadRetries(map, schedule.retry, mistakes);
  ReadIntervals(map, schedule.retry, mistakes);
  ReadHooks(map, schedule.on_error, mistakes);
  ReadStall(map, schedule.stall, mistakes);
}

}  // namespace syncline::cli
