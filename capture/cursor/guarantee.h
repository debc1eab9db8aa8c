#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace syncline::capture {

// How much polling promises for one table, best first.
enum class GuaranteeClass {
  kExact,       // no row state that a poll could see is missed
  kBounded,     // the same, as long as clocks agree to within the margin, or writers keep a promise
  kEachLook,    // what was there when the table was looked at, and nothing of between
  kBestEffort,  // a row state can be missed for good
  kRefused,     // the column orders nothing
};

// What polling promises for one table, and why. Plain value type.
struct Guarantee {
  GuaranteeClass kind = GuaranteeClass::kExact;
  std::string reason;
  std::string remedy;  // how to get a better class; empty for kExact
  bool operator==(const Guarantee&) const = default;

  bool worse_than_bounded() const { return kind > GuaranteeClass::kBounded; }
};

// "exact", "bounded", "as of each look", "best-effort", "refused".
std::string_view NameOf(GuaranteeClass kind);
// The class of that name; nothing: there is none.
std::optional<GuaranteeClass> GuaranteeClassNamed(std::string_view name);

}  // namespace syncline::capture
