#include "engine/sql/database_url.h"

#include <algorithm>
#include <cctype>

#include "engine/base/error.h"
#include "engine/sql/postgres/postgres_url.h"

namespace syncline::sql {
namespace {

constexpr std::string_view kForms =
    "Write postgresql://user@host:port/database, postgresql:///database?host=/socket/folder, or "
    "sqlite:path/to/file.db.";

// What stands before the first ':'; the scheme holds no secret, what follows may.
std::string_view Scheme(std::string_view text) {
  const size_t colon = text.find(':');
  return colon == std::string_view::npos ? std::string_view() : text.substr(0, colon);
}

// Only what is the name of a scheme may be quoted: anything else before a ':' may be a secret.
bool IsName(std::string_view scheme) {
  return !scheme.empty() && std::ranges::all_of(scheme, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.';
  });
}

DatabaseUrl ParseSqlite(std::string_view path, const std::filesystem::path& base) {
  if (path.starts_with("//")) path.remove_prefix(2);
  if (path.empty())
    throw UsageError("sqlite: needs the path of a file after it", std::string(kForms));
  if (path == ":memory:") {
    throw UsageError("a SQLite database in memory cannot be synced",
                     "Every session would see a database of its own: give the path of a file.");
  }
  DatabaseUrl url;
  url.dialect = Dialect::kSqlite;
  url.connection = (base / std::filesystem::path(path)).lexically_normal().string();
  url.display = "sqlite:" + url.connection;
  return url;
}

}  // namespace

DatabaseUrl DatabaseUrl::Parse(std::string_view text, const std::filesystem::path& base) {
  // Drivers and the system would take what stands before it for the whole.
  if (text.find('\0') != std::string_view::npos) {
    throw UsageError("an address with a zero byte in it names no database", std::string(kForms));
  }
  const std::string_view scheme = Scheme(text);
  if (scheme == "postgresql" || scheme == "postgres") {
    return ParsePostgresUrl(text, kForms);
  }
  if (scheme == "sqlite") return ParseSqlite(text.substr(scheme.size() + 1), base);
  if (!IsName(scheme)) {
    throw UsageError("this is not the address of a database", std::string(kForms));
  }
  throw UsageError("unknown kind of database `" + std::string(scheme) + "`", std::string(kForms));
}

}  // namespace syncline::sql
