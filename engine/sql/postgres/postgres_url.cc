#include "engine/sql/postgres/postgres_url.h"

#include <libpq-fe.h>

#include <memory>
#include <string>

#include "engine/base/error.h"
#include "engine/sql/url_secrets.h"

namespace syncline::sql {
namespace {

// libpq may take a database's name for a whole connection string, with a password in it.
bool IsConnectionString(const PQconninfoOption* options) {
  for (; options->keyword != nullptr; ++options) {
    if (std::string_view(options->keyword) != "dbname" || options->val == nullptr) continue;
    const std::string_view name = options->val;
    return name.find('=') != name.npos || name.find("://") != name.npos;
  }
  return false;
}

}  // namespace

DatabaseUrl ParsePostgresUrl(std::string_view text, std::string_view forms) {
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
                     std::string(forms) +
                         " Characters such as @ : / ? # % in a user name or password are written "
                         "as %40 %3A %2F %3F %23 %25.");
  }
  url.display = WithoutSecrets(text);
  return url;
}

}  // namespace syncline::sql
