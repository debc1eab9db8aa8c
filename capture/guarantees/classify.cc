#include "capture/guarantees/classify.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "capture/guarantees/stamped_column.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"

namespace syncline::capture {
namespace {

constexpr uint64_t kSampleRowsMin = 20;

}  // namespace

std::optional<Guarantee> ClassifyKey(const CapturePlan& plan) {
  if (std::ranges::find(plan.schema->key, plan.schema->cursor) == plan.schema->key.end()) return {};
  return Guarantee{
      GuaranteeClass::kBestEffort,
      fmt::format("column {} is part of the key ({}), which no update moves: only rows that are "
                  "added above all others are seen, updates never",
                  UpdateColumn(plan), fmt::join(plan.key_columns(), ", ")),
      "poll by a column that every insert and update moves, such as updated_at with a default and "
      "a trigger"};
}

bool LooksLikeARowsOwnCounter(sql::Session& session, const CapturePlan& plan) {
  const auto row =
      session
          .Query(sql::Format("SELECT count(*), count(DISTINCT c), min(c) FROM (SELECT {} AS c FROM "
                             "{} LIMIT {}) AS sample",
                             plan.cursor_sql(), plan.from(), kSampleRows))
          .rows.at(0);
  const uint64_t rows = std::stoull(row.at(0).value());
  if (rows < kSampleRowsMin) return false;
  const std::string& lowest = row.at(2).value_or("");
  return 2 * std::stoull(row.at(1).value()) <= rows && (lowest == "0" || lowest == "1");
}

Guarantee OwnCounter(const std::string& column) {
  return {GuaranteeClass::kRefused,
          fmt::format("column {} counts the changes of each row by itself, which orders nothing "
                      "between rows",
                      column),
          "poll by a timestamp, or draw the version from one sequence"};
}

Guarantee Classifier::Classify(const CapturePlan& plan) {
  if (plan.method() == CaptureMethod::kCompare) {
    return {
        GuaranteeClass::kEachLook,
        "now and then the whole table is compared with the log: what came and went in between is "
        "not seen",
        "poll by a column that every insert and update moves; on PostgreSQL, or by xmin"};
  }
  return sql::ForDialect(session_.dialect(), sql::IfPostgres{[&] {
                           if (!facts_) facts_ = TriggerFactsOf(session_);
                           return ClassifyPostgres(session_, *facts_, plan);
                         }},
                         sql::IfSqlite{[&] { return ClassifySqlite(session_, plan); }});
}

}  // namespace syncline::capture
