#pragma once

#include <optional>
#include <string_view>

namespace syncline::capture {

// By which capture finds the rows of a table that have changed.
enum class CaptureMethod {
  kCursor,   // a column that every insert and update moves
  kXmin,     // PostgreSQL: the id of the transaction that wrote a row, which each row has
  kCompare,  // none: now and then the whole table is compared with the log
};

// "cursor", "xmin", "compare".
std::string_view NameOf(CaptureMethod method);
// The method of that name; nothing: there is none.
std::optional<CaptureMethod> CaptureMethodNamed(std::string_view name);

}  // namespace syncline::capture
