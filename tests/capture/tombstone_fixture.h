#pragma once

#include <string>
#include <vector>

#include "capture/table_plan.h"
#include "capture/tombstones.h"
#include "engine/sql/session.h"

namespace syncline::capture {

inline TableSpec WithTombstones(TableSpec spec) {
  spec.deletes.tombstones = true;
  return spec;
}

inline TombstoneShape ShapeOf(sql::Session& owner, const TableSpec& spec) {
  return DescribeTombstones(owner, PlanTable(owner, spec));
}

// As `syncline prepare --apply` does it.
inline void InstallTombstones(sql::Session& owner, const TableSpec& spec,
                              const std::string& reader = {}) {
  sql::Transaction transaction(owner, sql::Session::Isolation::kWrite);
  for (const sql::Sql& sql : InstallTombstonesSql(ShapeOf(owner, spec), reader)) {
    owner.Execute(sql);
  }
  transaction.Commit();
}

inline void RemoveTombstones(sql::Session& owner, const TableSpec& spec) {
  for (const sql::Sql& sql : RemoveTombstonesSql(ShapeOf(owner, spec))) owner.Execute(sql);
}

}  // namespace syncline::capture
