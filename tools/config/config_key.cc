#include "tools/config/config_key.h"

#include <algorithm>

namespace syncline::cli {

std::string_view NameOf(Place place) {
  switch (place) {
    case Place::kTable:
      return "a table";
    case Place::kPipeline:
      return "a pipeline";
    case Place::kTwoWayPipeline:
      return "a pipeline with \"between\"";
    case Place::kTop:
      return "the top of the file";
    case Place::kDefaults:
      return "defaults";
    case Place::kRetain:
      return "\"retain\"";
    case Place::kEvery:
      return "\"every\"";
    case Place::kRetryIntervals:
      return "\"retry_intervals\"";
    case Place::kOnError:
      return "\"on_error\"";
    case Place::kVerify:
      return "\"verify\"";
    case Place::kLoad:
      return "\"load\"";
    case Place::kQuarantine:
      return "\"quarantine\"";
    case Place::kCapture:
      return "\"capture\"";
    case Place::kDeletes:
      return "\"deletes\"";
    case Place::kOnDelete:
      return "\"on_delete\"";
    case Place::kConflict:
      return "\"conflict\"";
    case Place::kNames:
      return "a list of names";
  }
  return "";
}

std::vector<std::string> ConfigKey::Words() const {
  std::vector<std::string> words;
  for (std::string_view rest = value; !rest.empty();) {
    const size_t end = std::min(rest.find(", "), rest.size());
    words.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  return words;
}

}  // namespace syncline::cli
