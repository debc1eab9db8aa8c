#include "engine/sql/type_resolution.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "engine/base/error.h"
#include "engine/sql/declared_type.h"
#include "engine/sql/dialect.h"
#include "engine/sql/planned_query.h"
#include "engine/sql/trusted_roles.h"

namespace syncline::sql {
namespace {

// The first of three names that the server knows, and a type of a stranger's that it is or is made
// of. A modifier of -1 makes the server tell the types apart that differ by their lack of one
// (bpchar, "bit").
constexpr char kResolveFormat[] = R"(
  WITH RECURSIVE found AS (
    SELECT coalesce(pg_catalog.to_regtype($1), pg_catalog.to_regtype($2),
                    pg_catalog.to_regtype($3))::oid AS oid),
  types AS (SELECT oid FROM found UNION SELECT part.oid FROM types, LATERAL {} AS part), {},
  strange AS (
    SELECT t.oid, t.typowner, t.typtype FROM types JOIN pg_catalog.pg_type t ON t.oid = types.oid
    WHERE t.typnamespace <> 'pg_catalog'::pg_catalog.regnamespace
      AND t.typowner NOT IN (SELECT oid FROM trusted)
    ORDER BY t.typelem <> 0, t.oid LIMIT 1)
  SELECT pg_catalog.format_type(found.oid, CASE WHEN $4::boolean THEN -1 END),
         pg_catalog.format_type(s.oid, NULL), pg_catalog.pg_get_userbyid(s.typowner),
         s.typtype = 'e', CURRENT_USER
  FROM found LEFT JOIN strange s ON true WHERE found.oid IS NOT NULL)";

// The same for a type of the system's own, which belongs to nobody else: its OID is below
// FirstNormalObjectId (16384). The search above takes some ten times as long, and there is one for
// each column.
constexpr char kResolveSystemSql[] = R"(
  SELECT pg_catalog.format_type(found.oid, CASE WHEN $2::boolean THEN -1 END)
  FROM (SELECT pg_catalog.to_regtype($1)::oid AS oid) AS found WHERE found.oid < 16384)";

// Types of the system's own that every server has, as format_type calls them: nobody need be asked.
// Other names could be found elsewhere first, were they made there; these cannot, since a session
// searches nothing before pg_catalog.
bool IsEverywhere(std::string_view type) {
  static constexpr std::string_view kTypes[] = {"bigint",
                                                "boolean",
                                                "bytea",
                                                "character varying",
                                                "date",
                                                "double precision",
                                                "integer",
                                                "numeric",
                                                "real",
                                                "smallint",
                                                "text",
                                                "timestamp with time zone",
                                                "timestamp without time zone",
                                                "uuid"};
  return std::ranges::find(kTypes, type) != std::end(kTypes);
}

// Whose type it is decides what runs whenever a value of it is written: a domain's CHECK does.
void RequireTrusted(const std::vector<std::optional<std::string>>& row) {
  if (!row.at(1)) return;
  const std::string& type = *row.at(1);
  const std::string& me = row.at(4).value();
  const std::string way = fmt::format(
      "Have role {}, the database's owner or a superuser make the type there; or make "
      "the column yourself with another type, such as text; or omit it.",
      me);
  throw StopError(
      fmt::format("type {} on the target belongs to role {}, which could run code as role {} "
                  "through it",
                  type, row.at(2).value_or("?"), me),
      row.at(3) == "t" ? fmt::format("If it is what it should be, as a superuser run: ALTER TYPE "
                                     "{} OWNER TO {}; {}",
                                     type, Quote(me).text(), way)
                       : way);
}

}  // namespace

std::optional<Sql> ResolveType(Session& session, std::string_view native_type,
                               const std::string& schema) {
  const PostgresType declared = RequirePostgresType(native_type);
  PostgresType plain = declared;
  plain.modifier = {};
  // The server forgets them when it looks a name up.
  const bool is_interval = declared.names.size() == 1 && declared.name == "interval";
  if (is_interval) plain.words = {};
  const Sql as_declared = plain.Text();
  if (!as_declared.long_name().empty()) return std::nullopt;
  if (IsEverywhere(as_declared.text())) return declared.Text();
  const auto in = [&](const std::string& other) {
    PostgresType moved = plain;
    moved.names = {Quote(other), Quote(declared.name)};
    return moved.words.empty() ? moved.Text().ToString() : as_declared.ToString();
  };
  const std::string bare = declared.modifier.empty() ? "t" : "f";
  ResultSet found = QueryPlanned(session, kResolveSystemSql, {as_declared.ToString(), bare});
  if (found.rows.empty()) {
    found = session.Query(
        Format(kResolveFormat, kTypeParts, kTrustedRoles),
        {as_declared.ToString(), in(schema.empty() ? "public" : schema), in("public"), bare});
    if (found.rows.empty()) return std::nullopt;
    RequireTrusted(found.rows.front());
  }
  PostgresType type = RequirePostgresType(found.rows.front().at(0).value());
  type.modifier = declared.modifier;
  if (is_interval) type.words = declared.words;
  return type.Text();
}

Error NoSuchTypeError(std::string message, std::string hint) {
  return {Reaction::kStop, Cause::kRuntime, std::move(message),
          std::move(hint), "42704",         Condition::kNoSuchObject};
}

}  // namespace syncline::sql
