#pragma once

#include <optional>

#include "capture/cursor/guarantee.h"
#include "capture/guarantees/postgres_moves.h"
#include "capture/plan/capture_plan.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// Rows of a table that are looked at for the forms of its stamps.
inline constexpr uint64_t kSampleRows = 1000;

// What the source's catalogue, its triggers and a sample of the rows tell about tables' cursor
// columns. What holds for the whole database is read once, so that a Classifier is for one look at
// some tables. Borrows the session, whose thread it belongs to.
class Classifier {
 public:
  explicit Classifier(sql::Session& session) : session_(session) {}

  // "exact" only where the database itself moves the column with every insert and update. Throws as
  // the session does.
  Guarantee Classify(const CapturePlan& plan);

 private:
  sql::Session& session_;
  std::optional<TriggerFacts> facts_;  // of a PostgreSQL database, once a table has asked for them
};

// The parts of Classifier: by the kind of the database.
Guarantee ClassifyPostgres(sql::Session& session, const TriggerFacts& facts,
                           const CapturePlan& plan);
Guarantee ClassifySqlite(sql::Session& session, const CapturePlan& plan);

// A column of the key is no cursor that an update moves; nothing: it is not in the key.
std::optional<Guarantee> ClassifyKey(const CapturePlan& plan);
// Whether the values of an integer cursor look like numbers that each row counts by itself.
bool LooksLikeARowsOwnCounter(sql::Session& session, const CapturePlan& plan);
Guarantee OwnCounter(const std::string& column);

}  // namespace syncline::capture
