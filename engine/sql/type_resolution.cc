#include "engine/sql/type_resolution.h"

#include "engine/sql/declared_type.h"
#include "engine/sql/dialect.h"

namespace syncline::sql {
namespace {

// The first of three names that the server knows. A modifier of -1 makes it tell the types
// apart that differ by their lack of one (bpchar, "bit").
constexpr char kResolveSql[] = R"(
  SELECT pg_catalog.format_type(found.oid, CASE WHEN $4::boolean THEN -1 END)
  FROM (SELECT coalesce(pg_catalog.to_regtype($1), pg_catalog.to_regtype($2),
                        pg_catalog.to_regtype($3))::oid AS oid) AS found
  WHERE found.oid IS NOT NULL)";

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
  const auto in = [&](const std::string& other) {
    PostgresType moved = plain;
    moved.names = {Quote(other), Quote(declared.name)};
    return moved.words.empty() ? moved.Text().ToString() : as_declared.ToString();
  };
  const ResultSet found =
      session.Query(kResolveSql, {as_declared.ToString(), in(schema.empty() ? "public" : schema),
                                  in("public"), declared.modifier.empty() ? "t" : "f"});
  if (found.rows.empty()) return std::nullopt;
  PostgresType type = RequirePostgresType(found.rows.front().at(0).value());
  type.modifier = declared.modifier;
  if (is_interval) type.words = declared.words;
  return type.Text();
}

}  // namespace syncline::sql
