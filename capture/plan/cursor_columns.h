#pragma once

#include <string>
#include <string_view>

#include "engine/sql/sql_text.h"

namespace syncline::capture {

// The columns that a table is polled by, as the configuration names them. Plain value type.
struct CursorColumns {
  std::string column;
  std::string fallback;  // counts in rows where `column` is NULL; empty: nothing does

  // "updated_at", or "coalesce(updated_at, created_at)": spaces do not count, and names may be in
  // double quotes there, inner ones doubled. Throws UsageError for anything else that begins like
  // the latter.
  static CursorColumns Parse(const std::string& text);

  bool Has(std::string_view name) const {
    return name == column || (!fallback.empty() && name == fallback);
  }
  // As Parse reads it.
  std::string Text() const;
  // What the source is asked for, in SQL.
  sql::Sql Sql() const;
};

}  // namespace syncline::capture
