#include "tools/defaults.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>
#include <utility>

#include "tools/byte_size.h"
#include "tools/choice.h"
#include "tools/duration.h"

namespace syncline::cli {
namespace {

const Choices<apply::ConflictRule> kConflictRules = {
    {"latest_wins", apply::ConflictRule::kLatestWins},
    {"source_wins", apply::ConflictRule::kSourceWins},
    {"target_wins", apply::ConflictRule::kTargetWins}};

const Choices<apply::NewColumns> kNewColumns = {{"evolve", apply::NewColumns::kEvolve},
                                                {"ignore", apply::NewColumns::kIgnore},
                                                {"pause", apply::NewColumns::kPause}};

const Choices<apply::ChangedColumns> kChangedColumns = {{"pause", apply::ChangedColumns::kPause},
                                                        {"keep", apply::ChangedColumns::kKeep}};

void ReadDuration(YamlMap& map, const std::string& key, Microseconds& duration,
                  Mistakes& mistakes) {
  const auto text = map.RequiredText(key, "how long, such as 200ms");
  if (!text) return;
  const auto value = ParseDuration(*text);
  if (value && value->count() > 0) {
    duration = *value;
  } else {
    mistakes.Add(map.LineOf(key),
                 fmt::format("\"{}\" must be {}, not \"{}\"", key, kDurationForms, *text));
  }
}

void ReadNumber(YamlMap& map, const std::string& key, std::string_view meaning, uint64_t least,
                uint64_t most, uint64_t& number, Mistakes& mistakes) {
  const auto text = map.RequiredText(key, meaning);
  if (!text) return;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error == std::errc() && end == text->data() + text->size() && value >= least &&
      value <= most) {
    number = value;
  } else {
    mistakes.Add(map.LineOf(key), fmt::format("\"{}\" must be a number from {} to {}, not \"{}\"",
                                              key, least, most, *text));
  }
}

void ReadEvery(YamlMap& map, capture::PollInterval& every, Mistakes& mistakes) {
  if (!map.IsMap("every")) {
    ReadDuration(map, "every", every.least, mistakes);
    every.most = every.least;
    return;
  }
  YamlMap ends(map.Child("every"), "\"every\"", mistakes);
  ReadDuration(ends, "min", every.least, mistakes);
  ReadDuration(ends, "max", every.most, mistakes);
  if (every.least > every.most) {
    mistakes.Add(ends.line(), "\"every\": \"min\" must not be longer than \"max\"");
  }
  ends.RefuseOthers();
}

void ReadLoad(YamlMap& map, capture::LoadOptions& load, Mistakes& mistakes) {
  YamlMap entries(map.Child("load"), "\"load\"", mistakes);
  if (entries.Has("workers")) {
    uint64_t workers = load.workers;
    constexpr uint64_t kWorkersMax = 64;
    ReadNumber(entries, "workers", "how many sessions", 1, kWorkersMax, workers, mistakes);
    load.workers = static_cast<uint32_t>(workers);
  }
  if (auto text = entries.Text("rate")) {
    const auto size = text->ends_with("/s")
                          ? ParseByteSize(std::string_view(*text).substr(0, text->size() - 2))
                          : std::nullopt;
    if (size && *size > 0) {
      load.bytes_per_second = *size;
    } else {
      mistakes.Add(
          entries.LineOf("rate"),
          fmt::format("\"rate\" must be a size each second, such as 50MB/s, not \"{}\"", *text));
    }
  }
  entries.RefuseOthers();
}

void ReadQuarantine(YamlMap& map, uint64_t& limit, Mistakes& mistakes) {
  YamlMap quarantine(map.Child("quarantine"), "\"quarantine\"", mistakes);
  if (auto text = quarantine.RequiredText("limit", "how many refused changes may be parked")) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
    if (error != std::errc() || end != text->data() + text->size()) {
      mistakes.Add(
          quarantine.LineOf("limit"),
          fmt::format("\"limit\" must be a number, such as 1000, or 0 to stop at the first "
                      "refused change, not \"{}\"",
                      *text));
    }
  }
  quarantine.RefuseOthers();
}

// A row has to fit into a frame, and the values that no row is measured by into a row.
void ReadMaxRow(YamlMap& map, uint64_t& bytes, Mistakes& mistakes) {
  constexpr uint64_t kLeast = 1u << 20;
  constexpr uint64_t kMost = kFrameBytesMax / 2;
  const auto text = map.RequiredText("max_row", "how large a row may be, such as 64MiB");
  if (!text) return;
  const auto size = ParseByteSize(*text);
  if (size && *size >= kLeast && *size <= kMost) {
    bytes = *size;
  } else {
    mistakes.Add(map.LineOf("max_row"),
                 fmt::format("\"max_row\" must be a size from 1MiB to 128MiB, not \"{}\"", *text));
  }
}

}  // namespace

Defaults ReadTableDefaults(YamlMap& map, Defaults defaults, Mistakes& mistakes) {
  if (auto text = map.Text("cursor")) defaults.cursor = *text;
  // A mapping is a pipeline's, of two directions: there ReadTwoWay has read it.
  if (!map.IsMap("conflict")) {
    if (auto rule = Choose(map, "conflict", "conflict rule", kConflictRules, mistakes)) {
      defaults.conflict = *rule;
    }
  } else if (!map.Asked("conflict")) {
    map.Refuse("conflict", "{prefer: [..]} belongs to a pipeline with \"between\"");
  }
  ReadDeletes(map, defaults.schedule.zone, defaults.deletes, mistakes);
  ReadOnDelete(map, defaults.on_delete, mistakes);
  if (auto flag = map.Flag("create")) defaults.create = *flag;
  if (map.Has("max_row")) ReadMaxRow(map, defaults.max_row, mistakes);
  if (auto choice =
          Choose(map, "new_columns", "value for \"new_columns\":", kNewColumns, mistakes)) {
    defaults.new_columns = *choice;
  }
  if (auto choice = Choose(map, "changed_columns",
                           "value for \"changed_columns\":", kChangedColumns, mistakes)) {
    defaults.changed_columns = *choice;
  }
  return defaults;
}

Defaults ReadDefaults(YamlMap& map, Defaults defaults, Mistakes& mistakes) {
  if (map.Has("every")) ReadEvery(map, defaults.every, mistakes);
  if (map.Has("load")) ReadLoad(map, defaults.load, mistakes);
  if (map.Has("quarantine")) ReadQuarantine(map, defaults.quarantine_limit, mistakes);
  return ReadTableDefaults(map, std::move(defaults), mistakes);
}

}  // namespace syncline::cli
