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

// Where host and path begin: behind the user and password, which end, as libpq has it, at the first
// '@' if no '/' stands before it. A '?' may be part of a password.
size_t HostStart(std::string_view uri) {
  const size_t start = uri.find("://") + 3;
  const size_t end = uri.find_first_of("@/", start);
  return end != std::string_view::npos && uri[end] == '@' ? end + 1 : start;
}

// Takes "user:password@" down to "user@" and leaves secret options out.
std::string WithoutSecrets(std::string_view uri) {
  const size_t start = uri.find("://") + 3;
  const size_t host = HostStart(uri);
  const size_t query = std::min(uri.find('?', host), uri.size());
  std::string display(uri.substr(0, start));
  if (host > start) {
    const std::string_view user = uri.substr(start, host - 1 - start);
    display += user.substr(0, user.find(':'));
    display += '@';
  }
  display += uri.substr(host, query - host);

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
  bool valid = options != nullptr && text.find("://") != std::string_view::npos;
  if (valid) {
    // An '@' that is left there stands in a password, or behind a '/' that does: libpq would take
    // part of it for a host, and print it.
    const std::string_view rest = text.substr(HostStart(text));
    valid = rest.substr(0, rest.find('?')).find('@') == std::string_view::npos;
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
  if (scheme.empty())
    throw UsageError("this is not the address of a database", std::string(kForms));
  throw UsageError("unknown kind of database `" + std::string(scheme) + "`", std::string(kForms));
}

}  // namespace syncline::sql
