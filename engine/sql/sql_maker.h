#pragma once

#include <string>
#include <utility>

#include "engine/sql/sql_text.h"

namespace syncline::sql {

// PostgreSQL cuts longer names, and then means another one.
inline constexpr size_t kPostgresNameBytesMax = 63;

// Makes SQL of text that was quoted or checked. Private to this library.
struct SqlMaker {
  static Sql Of(std::string text, std::string long_name = {}) {
    Sql sql;
    sql.composed_ = Sql::Composed{std::move(text), std::move(long_name)};
    return sql;
  }
  static Sql Of(const char*) = delete;  // a literal needs nobody
};

}  // namespace syncline::sql
