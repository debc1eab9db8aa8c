#include "engine/sql/postgres/link/postgres_settings.h"

#include <span>

namespace syncline::sql {
namespace {

struct Setting {
  Sql name;
  Sql value;
};

// Everything that changes how names are resolved and how values are read, written and compared; and
// no compiling of statements, which takes the server longer than most of ours run (measured: 2.6 s
// for a look at the catalogue that takes 30 ms, since its costs are estimated far too high). By
// a statement and not as start-up options: then pg_settings.reset_val still shows the zone that the
// server, the database or the role sets for the writers. (ConnectToServer refuses start-up options
// that set it, and the program's main takes PGTZ out of its environment.)
constexpr Setting kSettings[] = {
    {"search_path", ""},
    {"TimeZone", "UTC"},
    {"DateStyle", "ISO, MDY"},
    {"IntervalStyle", "postgres"},
    {"extra_float_digits", "1"},
    {"bytea_output", "hex"},
    {"lc_monetary", "C"},
    {"xmloption", "content"},
    {"standard_conforming_strings", "on"},
    {"array_nulls", "on"},
    {"quote_all_identifiers", "off"},
    {"jit", "off"},
};

// A batch takes as long as it takes: a limit meant for people's queries would end it again and
// again. What can stand still is bounded elsewhere, locks by lock_timeout and the network by
// keepalives. pg_restore does the same.
constexpr Setting kWriterSettings[] = {{"statement_timeout", "0"}};

// Rows that a policy hides would look as if they had never been, or were deleted: the server is to
// refuse such a statement instead. Sessions that write go by the target's policies.
constexpr Setting kReaderSettings[] = {{"row_security", "off"}};

Sql Set(const Setting& setting) {
  return Format("pg_catalog.set_config('{}', '{}', false)", setting.name, setting.value);
}

// Nobody waits for a lock for ever, as with a SQLite file; a limit that the role was given counts.
Sql SetLockTimeout() {
  return Format(
      "CASE WHEN pg_catalog.current_setting('lock_timeout') OPERATOR(pg_catalog.=) '0' THEN {} END",
      Set({"lock_timeout", "10s"}));
}

// A table that somebody puts a view in the place of is refused by the server, where it knows how.
Sql SetKinds(Reach reach) {
  const Sql refused = reach.views
                          ? (reach.foreign_tables ? Sql("") : Sql("foreign-table"))
                          : (reach.foreign_tables ? Sql("view") : Sql("view, foreign-table"));
  return Format(
      "CASE WHEN pg_catalog.current_setting('restrict_nonsystem_relation_kind', true) IS NOT NULL "
      "THEN {} END",
      Set({"restrict_nonsystem_relation_kind", refused}));
}

}  // namespace

Sql SettingsSql(int backend, bool read_only) {
  Sql sql = "SELECT " + SetLockTimeout();
  if (read_only) sql += ", " + SetKinds({});
  for (const Setting& setting : kSettings) sql += ", " + Set(setting);
  const auto own = read_only ? std::span<const Setting>(kReaderSettings)
                             : std::span<const Setting>(kWriterSettings);
  for (const Setting& setting : own) sql += ", " + Set(setting);
  return sql + Format(" WHERE pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) {}", backend);
}

Sql KindsSql(Reach reach) { return "SELECT " + SetKinds(reach); }

}  // namespace syncline::sql
