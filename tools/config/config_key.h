#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace syncline::cli {

// The mappings of the file, by what they say. The outer ones are in the order in which messages
// name them.
enum class Place {
  kTable,
  kPipeline,        // of one direction
  kTwoWayPipeline,  // with `between`
  kTop,
  kDefaults,
  kRetain,
  kEvery,
  kRetryIntervals,
  kOnError,
  kVerify,
  kLoad,
  kQuarantine,
  kCapture,
  kDeletes,
  kOnDelete,
  kConflict,
  kNames,  // keys are names that the user chose: databases, pipelines, tables, columns
};

// "a table", "a pipeline", "\"retain\"": for messages.
std::string_view NameOf(Place place);

// A set of places. Plain value type.
class Places {
 public:
  constexpr Places(std::initializer_list<Place> places) {
    for (const Place place : places) bits_ |= Bit(place);
  }
  constexpr bool Has(Place place) const { return (bits_ & Bit(place)) != 0; }

 private:
  static constexpr uint32_t Bit(Place place) { return 1u << static_cast<uint32_t>(place); }
  uint32_t bits_ = 0;
};

// How a value is written.
enum class Form {
  kText,
  kTexts,     // a list of texts; one text is a list of one
  kFlag,      // true or false
  kWord,      // one of ConfigKey::Words()
  kDuration,  // of at least `least` microseconds
  kSize,      // of `least` to `most` bytes
  kNumber,    // of `least` to `most`
  kMapping,   // only a mapping, see `inside`
};

// Plain value type; the texts live as long as the program.
struct ConfigKey {
  std::string_view name;
  Places places;
  Form form;
  // What the value has to be, to put behind "must be"; of a kWord the words, with ", " between.
  std::string_view value;
  // The value that holds where the key is missing, as the file would have it. Empty: there is none.
  std::string_view usual = {};
  // Sentences for the manual, in Markdown.
  std::string_view meaning;
  // A value that is accepted, as the file has it in one line.
  std::string_view example;
  // A few words for `init`. Empty: it does not show the key.
  std::string_view brief = {};
  // The keys of the mapping that the value is, or may be instead; kTable: there is none.
  Place inside = Place::kTable;
  uint64_t least = 0;
  uint64_t most = std::numeric_limits<uint64_t>::max();

  bool IsAt(Place place) const { return places.Has(place); }
  std::vector<std::string> Words() const;
};

}  // namespace syncline::cli
