#include "engine/sql/database_url.h"

#include <libpq-fe.h>

#include <memory>

#include "engine/base/error.h"

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

bool IsSecret(std::string_view option) {
  return option.starts_with("password=") || option.starts_with("sslpassword=");
}

// Takes "user:password@" down to "user@" and leaves secret options out.
std::string WithoutSecrets(std::string_view uri) {
  const size_t authority = uri.find("://") + 3;
  const size_t query = std::min(uri.find('?', authority), uri.size());
  const size_t path = std::min(uri.find('/', authority), query);
  std::string display(uri.substr(0, authority));

  const std::string_view hosts = uri.substr(authority, path - authority);
  const size_t at = hosts.rfind('@');
  if (at == std::string_view::npos) {
    display += hosts;
  } else {
    display += hosts.substr(0, std::min(hosts.find(':'), at));
    display += hosts.substr(at);
  }
  display += uri.substr(path, query - path);

  char separator = '?';
  for (size_t start = query + 1; start < uri.size();) {
    const size_t end = std::min(uri.find('&', start), uri.size());
    const std::string_view option = uri.substr(start, end - start);
    if (!IsSecret(option)) {
      display += separator;
      display += option;
      separator = '&';
    }
    start = end + 1;
  }
  return display;
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
  if (options == nullptr || text.find("://") == std::string_view::npos) {
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
  if (scheme.empty())
    throw UsageError("this is not the address of a database", std::string(kForms));
  throw UsageError("unknown kind of database `" + std::string(scheme) + "`", std::string(kForms));
}

}  // namespace syncline::sql
