#include <cstdio>

#include "tools/config/config_keys.h"
#include "tools/support/value_json.h"

// Prints the table of the configuration's keys, one JSON object a line, for tools/manual/make. It
// is no part of the program that users get.
int main() {
  using namespace syncline::cli;
  using syncline::Json;
  for (const ConfigKey& key : ConfigKeys()) {
    Json places = Json::array();
    for (auto place = Place::kTable; place <= Place::kNames;
         place = static_cast<Place>(static_cast<int>(place) + 1)) {
      if (key.IsAt(place)) places.push_back(NameOf(place));
    }
    const Json words = key.form == Form::kWord ? Json(key.Words()) : Json::array();
    const Json line = {{"name", key.name},       {"places", std::move(places)},
                       {"value", key.value},     {"words", words},
                       {"usual", key.usual},     {"meaning", key.meaning},
                       {"example", key.example}, {"mapping", key.inside > Place::kDefaults}};
    std::puts(Dump(line).c_str());
  }
  return 0;
}
