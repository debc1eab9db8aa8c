#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/model/stamp.h"

namespace syncline::capture {

// The forms in which a cursor column's stamps have been met: what decides whether the order in
// which SQLite keeps them is that of the moments they stand for. Plain value type.
class StampForms {
 public:
  // How a poll finds what is new.
  enum class Scan {
    kRange,   // stored order is the order of stamps: from the bound on
    kWindow,  // moments of several forms: what is stored around the bound, and may be above it
    kAll,     // what is stored may be anywhere
  };

  // Takes note of a value; true when another Scan is due.
  bool Add(ValueView value) { return AddForm(FormOf(value)); }
  bool AddForm(const StampForm& form);

  // All that were met are moments and this is none: among them it has no place, and nothing is
  // guessed. Another number among numbers may be a counter's.
  bool Refuses(const StampForm& form) const;

  Scan scan() const { return scan_; }
  // Stored order is that of moments, and not that of a counter's numbers or of plain texts.
  bool are_moments() const;
  bool empty() const { return forms_.empty(); }

  // As NameOf has them; what is none of its names is left out.
  std::vector<std::string> names() const;
  static StampForms Of(const std::vector<std::string>& names);
  // Of a sample in which each form was met so often: its moments, where nine of ten values are
  // such; else all.
  static StampForms OfSample(const std::vector<std::pair<StampForm, uint64_t>>& counts);
  // For people: "Unix seconds", "YYYY-MM-DD HH:MM:SS and YYYY-MM-DDTHH:MM:SS+02:00".
  std::string Describe() const;

  bool operator==(const StampForms&) const = default;

 private:
  Scan ScanOf() const;

  std::vector<StampForm> forms_;  // in the order in which they were met
  Scan scan_ = Scan::kRange;
};

}  // namespace syncline::capture
