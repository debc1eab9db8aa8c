#include "tools/config/defaults.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "tools/config/capture_config.h"
#include "tools/config/config_enum.h"
#include "tools/support/byte_size.h"

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

void ReadEvery(YamlMap& map, capture::PollInterval& every, Mistakes& mistakes) {
  if (!map.IsMap("every")) {
    every.least = map.Duration("every").value_or(every.least);
    every.most = every.least;
    return;
  }
  YamlMap ends = map.Inside("every");
  if (ends.Require("min")) every.least = ends.Duration("min").value_or(every.least);
  if (ends.Require("max")) every.most = ends.Duration("max").value_or(every.most);
  if (every.least > every.most) {
    mistakes.Add(ends.line(), "\"every\": \"min\" must not be longer than \"max\"");
  }
  ends.RefuseOthers();
}

void ReadLoad(YamlMap& map, capture::LoadOptions& load) {
  YamlMap entries = map.Inside("load");
  if (const auto workers = entries.Number("workers")) {
    load.workers = static_cast<uint32_t>(*workers);
  }
  if (const auto text = entries.Text("rate")) {
    const auto size = text->ends_with("/s")
                          ? ParseByteSize(std::string_view(*text).substr(0, text->size() - 2))
                          : std::nullopt;
    if (size && *size > 0) {
      load.bytes_per_second = *size;
    } else {
      entries.Unfit("rate", *text);
    }
  }
  entries.RefuseOthers();
}

void ReadQuarantine(YamlMap& map, uint64_t& limit) {
  YamlMap quarantine = map.Inside("quarantine");
  if (quarantine.Require("limit")) limit = quarantine.Number("limit").value_or(limit);
  quarantine.RefuseOthers();
}

}  // namespace

Defaults ReadTableDefaults(YamlMap& map, Defaults defaults, Mistakes& mistakes) {
  ReadCapture(map, defaults.schedule.zone, defaults, mistakes);
  // A mapping is a pipeline's, of two directions: there ReadTwoWay has read it.
  if (!map.IsMap("conflict")) {
    if (const auto rule = Choose(map, "conflict", kConflictRules)) defaults.conflict = *rule;
  } else if (!map.Has("between")) {
    map.Refuse("conflict", "{prefer: [..]} belongs to a pipeline with \"between\"");
  }
  ReadDeletes(map, defaults.schedule.zone, defaults.deletes, mistakes);
  ReadOnDelete(map, defaults.on_delete, mistakes);
  if (auto flag = map.Flag("create")) defaults.create = *flag;
  if (const auto bytes = map.Size("max_row")) defaults.max_row = *bytes;
  if (const auto choice = Choose(map, "new_columns", kNewColumns)) defaults.new_columns = *choice;
  if (const auto choice = Choose(map, "changed_columns", kChangedColumns)) {
    defaults.changed_columns = *choice;
  }
  return defaults;
}

Defaults ReadDefaults(YamlMap& map, Defaults defaults, Mistakes& mistakes) {
  if (map.Has("every")) ReadEvery(map, defaults.every, mistakes);
  if (map.Has("load")) ReadLoad(map, defaults.load);
  if (map.Has("quarantine")) ReadQuarantine(map, defaults.quarantine_limit);
  return ReadTableDefaults(map, std::move(defaults), mistakes);
}

}  // namespace syncline::cli
