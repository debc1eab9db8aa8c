#pragma once

#include <type_traits>
#include <utility>

#include "engine/model/schema.h"

namespace syncline::sql {

// What is for databases of one kind: a value, or a function that is called for it.
template <typename Body>
struct IfPostgres {
  Body body;
};
template <typename Body>
IfPostgres(Body) -> IfPostgres<Body>;
template <typename Body>
struct IfSqlite {
  Body body;
};
template <typename Body>
IfSqlite(Body) -> IfSqlite<Body>;

template <typename Body>
decltype(auto) Evaluate(const Body& body) {
  if constexpr (std::is_invocable_v<const Body&>) {
    return body();
  } else {
    return Body(body);
  }
}

// StopError: this build knows no database of that kind.
[[noreturn]] void ThrowUnknownDialect(Dialect kind);

// The value that is for databases of that kind, or what its function returns. There is one
// parameter for each kind and none for "the others": with another kind every use that does not say
// what is done for it fails to compile. Throws StopError for a kind that is none.
// A term of a statement is better asked of SqlDialect (sql_dialect.h), and what a database is able
// to do of its Capabilities.
template <typename Postgres, typename Sqlite>
decltype(Evaluate(std::declval<const Postgres&>())) ForDialect(Dialect kind,
                                                               const IfPostgres<Postgres>& postgres,
                                                               const IfSqlite<Sqlite>& sqlite) {
  switch (kind) {
    case Dialect::kPostgres:
      return Evaluate(postgres.body);
    case Dialect::kSqlite:
      return Evaluate(sqlite.body);
  }
  ThrowUnknownDialect(kind);
}

}  // namespace syncline::sql
