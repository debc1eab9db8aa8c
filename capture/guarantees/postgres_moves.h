#pragma once

#include <string>

#include "capture/guarantees/trigger_function.h"
#include "capture/plan/capture_plan.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// What a PostgreSQL database's catalogue says of all of its tables' triggers. Plain value type.
struct TriggerFacts {
  // Functions or types of other schemas have the names of those of pg_catalog's that stamp.
  bool has_others = false;
  bool has_subscriptions = false;  // some table is filled by one
  // The roles whose sessions are set up so that triggers do not fire; empty: there are none.
  std::string quiet_roles;
};
TriggerFacts TriggerFactsOf(sql::Session& session);

// What the default of a PostgreSQL table's cursor column and its triggers do to it, all of them
// together, in every partition. Plain value type.
struct PostgresMoves {
  // What is left of it when all triggers before the write have fired, in the order of their names.
  struct Effect {
    Touch touch = Touch::kLeaves;
    std::string trigger;  // as "name of schema.table": the one that is the reason
  };
  Effect on_insert, on_update;
  // Functions of other schemas have the names of pg_catalog's.
  bool has_others = false;
  bool by_default = false;  // an insert that leaves the column out is stamped
  // A subscription fills the table, and the triggers that fire for what it writes do not stamp it.
  bool is_subscribed = false;
  // The roles whose sessions are set up so that triggers do not fire, when those that do do not
  // stamp; empty: there are none.
  std::string quiet_roles;

  bool always() const {
    return on_insert.touch == Touch::kStamps && on_update.touch == Touch::kStamps &&
           quiet_roles.empty() && !is_subscribed;
  }
  // In an update; what triggers give it that are not understood is no such thing.
  bool never() const {
    return on_update.touch == Touch::kLeaves || on_update.touch == Touch::kMayStamp;
  }
};

// The column is to be moved to `stamp`. Up to three queries of the catalogue.
PostgresMoves FindMoves(sql::Session& session, const TriggerFacts& facts, const CapturePlan& plan,
                        Stamp stamp);

}  // namespace syncline::capture
