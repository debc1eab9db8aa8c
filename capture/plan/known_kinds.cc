#include "capture/plan/known_kinds.h"

#include <fmt/format.h>

#include "engine/base/error.h"

namespace syncline::capture {

void RefuseOtherKind(const TableName& table, sql::TableInfo::Kind now, const KnownKinds& known) {
  using Kind = sql::TableInfo::Kind;
  if (now != Kind::kView && now != Kind::kForeign) return;
  const auto before = known.find(table);
  if (before == known.end() || before->second == now) return;
  throw Error(Reaction::kStop, Cause::kEnvironment,
              fmt::format("{} was captured as a table, and is {} now", table.ToString(),
                          now == Kind::kView ? "a view" : "a foreign table"),
              "Find out who has made it, and what it runs as Syncline's role. If it is meant: take "
              "the table out of the configuration, let Syncline run once, and put it back; it is "
              "loaded anew then. Nothing was read.");
}

}  // namespace syncline::capture
