#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "engine/model/schema.h"
#include "engine/sql/wait_limits.h"

namespace syncline::sql {

// Where a database is, and how long sessions with it wait. Plain value type.
//   postgresql://user:password@host:port/db?option=value
//   postgresql:///db?host=/socket/dir&port=5433 sqlite:path   sqlite:///absolute/path
struct DatabaseUrl {
  Dialect dialect = Dialect::kPostgres;
  std::string
      connection;       // what the driver takes: the URI, or the file's path. May hold a password.
  std::string display;  // the same without secrets, for messages
  WaitLimits limits = {};

  // A relative SQLite path is taken from `base`. Throws UsageError for an unknown scheme or an
  // empty path.
  static DatabaseUrl Parse(std::string_view text, const std::filesystem::path& base = {});
};

}  // namespace syncline::sql
