#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/error.h"
#include "engine/sql/session.h"

namespace syncline::sql {

// The type of a PostgreSQL database that another PostgreSQL database, or a log, calls
// `native_type`; nothing where there is none. The server itself reads the name, and what is
// returned is what it calls that type, with the modifier, such as (10,2), put behind it again. A
// type that is not there under the name as it stands is looked for in the schemas `schema` and
// public: logs of earlier builds hold names without a schema, and a target may keep its enums
// beside its tables. Throws StopError for a text that is no type's name (DeclaredType), and for a
// type that is, or is made of, a type of a role that is not trusted (trusted_roles.h): a domain's
// CHECK would run as the session's role.
std::optional<Sql> ResolveType(Session& session, std::string_view native_type,
                               const std::string& schema);

// The error that there is no such type, as the server itself would call it.
Error NoSuchTypeError(std::string message, std::string hint);

}  // namespace syncline::sql
