// What a stage asks of a SqlTarget around its batches: where to go on, whether to write ahead.
#include <algorithm>
#include <set>

#include "apply/state/prepared.h"
#include "apply/state/quarantine.h"
#include "apply/target/durability.h"
#include "apply/target/leftovers.h"
#include "apply/target/missing_grants.h"
#include "apply/target/sql_target.h"
#include "engine/base/logger.h"
#include "engine/sql/for_dialect.h"

namespace syncline::apply {
namespace {

bool AreTargetsApart(const std::map<TableName, TableMapping>& mappings) {
  std::set<TableName> targets;
  return std::ranges::all_of(
      mappings, [&](const auto& mapping) { return targets.insert(mapping.second.target).second; });
}

}  // namespace

std::optional<Progress> SqlTarget::Resume(const LogInfo& log) {
  const std::string& pipeline = options_.pipeline;
  if (two_way_.log != nullptr) FitToLogs(*session_, pipeline, log, *two_way_.log, *logger_);
  std::optional<Progress> progress = ReadProgress(pipeline);
  CheckParked(*session_, pipeline, log, url_.display);
  HideOmitted(pipeline);
  return progress;
}

std::optional<Progress> SqlTarget::ReadProgress(const std::string& pipeline) {
  return apply::ReadProgress(*session_, pipeline);
}

uint64_t SqlTarget::CountRefused() { return apply::CountRefused(*session_, options_.pipeline); }

void SqlTarget::HideOmitted(const std::string& pipeline) {
  const bool omits = std::ranges::any_of(mappings_, [](const auto& mapping) {
    return !mapping.second.omit.empty() || mapping.second.new_columns == NewColumns::kIgnore;
  });
  if (!omits) return;
  sql::Transaction transaction(*session_, sql::Session::Isolation::kWrite);
  LockProgress(*session_, pipeline);
  const uint64_t hidden = HideOmittedInQuarantine(*session_, pipeline, mappings_);
  schemas_.ForgetOmitted(*session_, pipeline, mappings_);
  transaction.Commit();
  if (hidden == 0) return;
  logger_->Warn(
      "columns that the pipeline omits were taken out of parked changes pipeline={} "
      "changes={}",
      pipeline, hidden);
}

std::vector<TableName> SqlTarget::TargetNames() const {
  std::vector<TableName> names;
  for (const auto& [source, mapping] : mappings_) names.push_back(mapping.target);
  return names;
}

std::unique_ptr<Target> SqlTarget::MakeLane() const {
  // Two sessions may write to it at a time, and one of them can be asked whether it waits for a
  // lock (WaitsForLock).
  const bool may_have_lanes =
      sql::ForDialect(url_.dialect, sql::IfPostgres{true}, sql::IfSqlite{false});
  if (!may_have_lanes || two_way_.log != nullptr || !AreTargetsApart(mappings_)) return nullptr;
  std::vector<TableMapping> tables;
  for (const auto& [source, mapping] : mappings_) tables.push_back(mapping);
  return std::make_unique<SqlTarget>(url_, std::move(tables), source_, options_, logger_);
}

bool SqlTarget::MayGoAhead(const TableSchema& schema) {
  const TableMapping& mapping = mappings_.at(schema.table);
  const auto info = session_->Describe(mapping.target);
  return info && KeysAreBytes(schema, mapping, *info) && IsPlainTable(*session_, *info);
}

bool SqlTarget::WaitsForLock(int lane_id) {
  return !session_
              ->Query("SELECT 1 FROM pg_locks WHERE pid = $1::int AND NOT granted LIMIT 1",
                      {std::to_string(lane_id)})
              .rows.empty();
}

void SqlTarget::AwaitSettled() {
  if (two_way_.log != nullptr) two_way_.log->Turn();
}

void SqlTarget::WarnOfLosses() {
  for (const DurabilityConcern& concern : DurabilityConcerns(*session_)) {
    logger_->Warn("what is applied may be lost reason=\"{}\" hint=\"{}\"", concern.message,
                  concern.hint);
  }
}

Error SqlTarget::Explain(const Error& error) const {
  return WithMissingGrants(error, url_, TargetNames());
}

TargetMaker SqlTargetAt(sql::DatabaseUrl url, std::vector<TableMapping> tables) {
  return [url = std::move(url), tables = std::move(tables)](const TargetRequest& wanted) {
    return std::make_unique<SqlTarget>(url, tables, wanted.source,
                                       TargetOptions{.quarantine_limit = wanted.quarantine_limit,
                                                     .quiet_triggers = wanted.is_replay,
                                                     .pipeline = wanted.pipeline},
                                       wanted.logger, wanted.two_way);
  };
}

}  // namespace syncline::apply
