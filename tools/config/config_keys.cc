#include "tools/config/config_keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/config/config_key_lists.h"

namespace syncline::cli {

std::span<const ConfigKey> ConfigKeys() {
  static const std::vector<ConfigKey> kKeys = [] {
    std::vector<ConfigKey> all;
    for (const std::span<const ConfigKey> part :
         {FileKeys(), PipelineKeys(), TableKeys(), TwoWayKeys()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return kKeys;
}

const ConfigKey* FindKey(std::string_view name, Place place) {
  for (const ConfigKey& key : ConfigKeys()) {
    if (key.name == name && key.IsAt(place)) return &key;
  }
  return nullptr;
}

std::vector<std::string> KeysAt(Place place) {
  std::vector<std::string> names;
  for (const ConfigKey& key : ConfigKeys()) {
    if (key.IsAt(place)) names.emplace_back(key.name);
  }
  return names;
}

std::string BelongsTo(std::string_view name, Place here) {
  if (here > Place::kDefaults) return {};
  const auto known = std::ranges::find_if(ConfigKeys(), [&](const ConfigKey& key) {
    return key.name == name && (key.IsAt(Place::kTable) || key.IsAt(Place::kPipeline) ||
                                key.IsAt(Place::kTwoWayPipeline) || key.IsAt(Place::kTop));
  });
  if (known == ConfigKeys().end()) return {};
  std::string places;
  for (const Place place :
       {Place::kTable, Place::kPipeline, Place::kTwoWayPipeline, Place::kTop, Place::kDefaults}) {
    if (!known->IsAt(place)) continue;
    // A pipeline is one, whatever its directions.
    if (place == Place::kTwoWayPipeline && known->IsAt(Place::kPipeline)) continue;
    places += fmt::format("{}{}", places.empty() ? "" : " or to ", NameOf(place));
  }
  const std::string_view why = name == "every" && here == Place::kTable
                                   ? ": one poll reads all tables of a source in one snapshot"
                                   : "";
  return fmt::format("belongs to {}, not to {}{}", places, NameOf(here), why);
}

}  // namespace syncline::cli
