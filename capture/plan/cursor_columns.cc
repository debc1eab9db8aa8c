#include "capture/plan/cursor_columns.h"

#include <fmt/format.h>

#include <regex>

#include "engine/base/error.h"
#include "engine/sql/dialect.h"

namespace syncline::capture {
namespace {

// A name as it stands in the expression: plain, or in double quotes.
std::string Unquoted(const std::string& name) {
  if (!name.starts_with('"')) return name;
  static const std::regex kDoubled("\"\"");
  return std::regex_replace(name.substr(1, name.size() - 2), kDoubled, "\"");
}

std::string QuotedIfNeeded(const std::string& name) {
  static const std::regex kPlain(R"re([^\s"(),]+)re");
  return std::regex_match(name, kPlain) ? name : sql::Quote(name).ToString();
}

}  // namespace

CursorColumns CursorColumns::Parse(const std::string& text) {
  static const std::regex kExpression(R"(\s*coalesce\s*\()", std::regex::icase);
  static const std::regex kCoalesce(
      R"re(\s*coalesce\s*\(\s*("(?:[^"]|"")+"|[^\s"(),]+)\s*,\s*("(?:[^"]|"")+"|[^\s"(),]+)\s*\)\s*)re",
      std::regex::icase);
  if (!std::regex_search(text, kExpression, std::regex_constants::match_continuous)) {
    return {.column = text, .fallback = {}};
  }
  std::smatch names;
  if (!std::regex_match(text, names, kCoalesce)) {
    throw UsageError(
        fmt::format("the cursor {} is not understood", text),
        "write coalesce(updated_at, created_at): two columns, the first one NULL until "
        "a row is updated; other expressions cannot be polled by");
  }
  CursorColumns columns{.column = Unquoted(names[1]), .fallback = Unquoted(names[2])};
  if (columns.column == columns.fallback) {
    throw UsageError(fmt::format("the cursor {} names one column twice", text),
                     "name the column alone, or another one that is set when a row is inserted");
  }
  return columns;
}

std::string CursorColumns::Text() const {
  if (fallback.empty()) return column;
  return fmt::format("coalesce({}, {})", QuotedIfNeeded(column), QuotedIfNeeded(fallback));
}

sql::Sql CursorColumns::Sql() const {
  if (fallback.empty()) return sql::Quote(column);
  return sql::Format("coalesce({}, {})", sql::Quote(column), sql::Quote(fallback));
}

}  // namespace syncline::capture
