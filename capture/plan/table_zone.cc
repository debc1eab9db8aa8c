#include "capture/plan/table_zone.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/cron.h"
#include "engine/base/error.h"
#include "engine/base/timetable.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/sql_dialect.h"
#include "engine/sql/time_zone.h"

namespace syncline::capture {
namespace {

// Whether a column may hold times without a time zone. Any may that has no type.
bool HasLocalTimes(const TableSchema& schema) {
  return !sql::DialectOf(schema.dialect).can().has_typed_values ||
         std::ranges::any_of(schema.columns, [](const Column& column) {
           return sql::TimesIn(column) == sql::Times::kLocal;
         });
}

}  // namespace

void CheckZone(sql::Session& session, const CapturePlan& plan) {
  if (plan.zone.empty() || sql::IsUtc(plan.zone)) return;
  if (!HasLocalTimes(*plan.schema)) {
    throw UsageError(plan.name() + ": zone: is for columns without a time zone, and it has none",
                     "take zone: out of the configuration");
  }
  const bool is_server = sql::DialectOf(session).can().has_time_zones;
  try {
    sql::ForDialect(session.dialect(), sql::IfPostgres{[&] {
                      session.Query("SELECT now() AT TIME ZONE $1::text", {plan.zone});
                    }},
                    sql::IfSqlite{[&] {
                      Timetable::At(Cron::Parse("@daily"), plan.zone);  // for what it throws
                    }});
  } catch (const Error& error) {
    if (error.reaction() != Reaction::kStop) throw;
    throw UsageError(fmt::format("{}: {} does not know the time zone \"{}\"", plan.name(),
                                 is_server ? "the server" : "this machine", plan.zone),
                     is_server ? "name one of pg_timezone_names, such as Europe/Berlin"
                               : "name one of the IANA database, such as Europe/Berlin");
  }
}

}  // namespace syncline::capture
