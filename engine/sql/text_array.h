#pragma once

#include <string>
#include <vector>

namespace syncline::sql {

// The value of a parameter of PostgreSQL's type text[], so that one statement can ask for many
// names.
std::string TextArray(const std::vector<std::string>& texts);

}  // namespace syncline::sql
