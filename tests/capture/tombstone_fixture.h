#pragma once

#include <string>
#include <vector>

#include "capture/plan/capture_plan.h"
#include "capture/plan/tombstone_horizon.h"
#include "capture/plan/tombstones.h"
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

// As `syncline prepare --prune` does it, whatever their age.
inline uint64_t PruneAll(sql::Session& owner, const TableSpec& spec) {
  return PruneTombstones(owner, ShapeOf(owner, spec), -60);
}

// What capture says when tombstones cannot tell of everything.
inline constexpr char kLookedFor[] = "every row that the log holds is looked for once";

// How often a text is in another.
inline int Times(const std::string& part, const std::string& text) {
  int times = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++times;
  return times;
}

}  // namespace syncline::capture
