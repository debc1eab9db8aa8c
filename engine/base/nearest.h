#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace syncline {

// The candidate that `name` was most likely meant to be, for "did you mean": the smallest
// Levenshtein distance (Wagner and Fischer, 1974), letter case ignored, the first of equals.
// Nothing if even that one differs in more than a third of its letters (two letters are always
// forgiven in names longer than two). Pure.
std::optional<std::string> NearestName(std::string_view name,
                                       const std::vector<std::string>& candidates);

// "; did you mean "x"?" to put behind a message about an unknown name; empty when nothing comes
// near.
std::string DidYouMean(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace syncline
