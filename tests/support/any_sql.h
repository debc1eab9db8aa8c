#pragma once

#include <string>
#include <utility>

#include "engine/sql/sql_text.h"

namespace syncline::test {

// SQL that a test puts together from texts, to be run as it stands. The program has no such thing:
// tests/tidy_test.py keeps it, and this header, out of there.
inline sql::Sql AnySql(std::string text) { return sql::Sql::OfOperator(std::move(text)); }

}  // namespace syncline::test
