#include "engine/sql/database_url.h"

#include <libpq-fe.h>

#include <algorithm>
#include <cctype>
#include <memory>

#include "engine/base/error.h"
#include "engine/sql/url_secrets.h"

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

// libpq may take a database's name for a whole connection string, with a password in it.
bool IsConnectionString(const PQconninfoOption* options) {
  for (; options->keyword != nullptr; ++options) {
    if (std::string_view(options->keyword) != "dbname" || options->val == nullptr) continue;
    const std::string_view name = options->val;
    return name.find('=') != name.npos || name.find("://") != name.npos;
  }
  return false;
}

DatabaseUrl ParsePostgres(std::string_view text) {
  DatabaseUrl url;
  url.dialect = Dialect::kPostgres;
  url.connection = text;
  char* why = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
      ::PQconninfoParse(url.connection.c_str(), &why), &::PQconninfoFree);
  // libpq's own words are not passed on: they quote the URI, with the password in it.
  ::PQfreemem(why);
  bool valid = options != nullptr && text.find("://") != std::string_view::npos;
  if (valid) {
    // An '@' that is left there stands in a password, or behind a '/' that does: libpq would take
    // part of it for a host, and print it.
    const std::string_view rest = text.substr(HostStart(text));
    valid = rest.substr(0, rest.find('?')).find('@') == std::string_view::npos &&
            !IsConnectionString(options.get());
  }
  if (!valid) {
    throw UsageError("this is not a valid postgresql:// address",
                     std::string(kForms) +
                         " Characters such as @ : / ? # % in a user name or password are written "
                         "as %40 %3A %2F %3F %23 %25.");
  }
  url.display = WithoutSecrets(text);
  return url;
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
  const std::string_view scheme = Scheme(text);
  if (scheme == "postgresql" || scheme == "postgres") return ParsePostgres(text);
  if (scheme == "sqlite") return ParseSqlite(text.substr(scheme.size() + 1), base);
  if (!IsName(scheme)) {
    throw UsageError("this is not the address of a database", std::string(kForms));
  }
  throw UsageError("unknown kind of database `" + std::string(scheme) + "`", std::string(kForms));
}

}  // namespace syncline::sql
