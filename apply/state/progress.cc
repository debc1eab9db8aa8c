#include "apply/state/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "apply/state/own_tables.h"
#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "engine/sql/sql_dialect.h"

namespace syncline::apply {
namespace {

constexpr const char* kTable = kProgressTable;
constexpr sql::Sql kColumns =
    "pipeline, log_id, epoch, next_offset, reached_offset, frame_hash, updated_at";

sql::Sql ProgressTableSql(const sql::Session& session) { return OwnTableSql(session, kTable); }

uint64_t ToNumber(const std::string& text, int base = 10) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw DamageError("the target's table syncline_progress holds something that is no number",
                      "Somebody else wrote to it; correct the row or delete it to start over.");
  }
  return number;
}

std::string HashText(uint64_t hash) { return fmt::format("{:016x}", hash); }

std::vector<Progress> SelectProgress(sql::Session& session, const sql::Sql& condition,
                                     const sql::Parameters& parameters) {
  const auto result = session.Query(sql::Format("SELECT {} FROM {} {} ORDER BY pipeline", kColumns,
                                                ProgressTableSql(session), condition),
                                    parameters);
  std::vector<Progress> all;
  for (const auto& row : result.rows) {
    const auto field = [&row](size_t i) { return row[i].value_or(""); };
    all.push_back({.pipeline = field(0),
                   .log_id = field(1),
                   .epoch = ToNumber(field(2)),
                   .next = Offset(ToNumber(field(3))),
                   .reached = Offset(ToNumber(field(4))),
                   .frame_hash = ToNumber(field(5), 16),
                   .updated_at = field(6)});
  }
  return all;
}

}  // namespace

void EnsureProgressTable(sql::Session& session) {
  MakeOwnTable(session, kTable,
               sql::Format("CREATE TABLE IF NOT EXISTS {} (pipeline text NOT NULL PRIMARY KEY, "
                           "log_id text NOT NULL, epoch bigint NOT NULL, next_offset bigint NOT "
                           "NULL, reached_offset bigint NOT NULL, frame_hash text NOT NULL, "
                           "updated_at {} NOT NULL)",
                           ProgressTableSql(session), sql::DialectOf(session).StampType()));
}

std::optional<Progress> ReadProgress(sql::Session& session, const std::string& pipeline) {
  auto rows = SelectProgress(session, "WHERE pipeline = $1", {pipeline});
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
}

void AdvanceProgress(sql::Session& session, const std::optional<Progress>& from,
                     const Progress& to) {
  const sql::Sql now = sql::DialectOf(session).Now();
  const std::string next = std::to_string(to.next.value());
  const std::string reached = std::to_string(to.reached.value());
  uint64_t moved = 0;
  if (from) {
    moved = session.Change(
        sql::Format("UPDATE {} SET epoch = $1, next_offset = $2, frame_hash = $3, "
                    "reached_offset = $9, updated_at = {} WHERE pipeline = $4 AND log_id = $5 AND "
                    "epoch = $6 AND next_offset = $7 AND frame_hash = $8",
                    ProgressTableSql(session), now),
        {std::to_string(to.epoch), next, HashText(to.frame_hash), from->pipeline, from->log_id,
         std::to_string(from->epoch), std::to_string(from->next.value()),
         HashText(from->frame_hash), reached});
  } else {
    moved = session.Change(
        sql::Format("INSERT INTO {} ({}) VALUES ($1, $2, $3, $4, $5, $6, {}) "
                    "ON CONFLICT (pipeline) DO NOTHING",
                    ProgressTableSql(session), kColumns, now),
        {to.pipeline, to.log_id, std::to_string(to.epoch), next, reached, HashText(to.frame_hash)});
  }
  if (moved != 1) {
    throw RestartError(
        fmt::format("another apply process moved the progress row of pipeline {}", to.pipeline),
        "Run one apply process per pipeline; this one goes on from where the row is now.");
  }
}

void LockProgress(sql::Session& session, const std::string& pipeline) {
  if (!sql::DialectOf(session).can().has_row_locks) return;  // the transaction holds the database
  session.Query(
      sql::Format("SELECT 1 FROM {} WHERE pipeline = $1 FOR UPDATE", ProgressTableSql(session)),
      {pipeline});
}

void EraseProgress(sql::Session& session, const std::string& pipeline) {
  session.Change(sql::Format("DELETE FROM {} WHERE pipeline = $1", ProgressTableSql(session)),
                 {pipeline});
}

std::vector<Progress> ListProgress(const sql::DatabaseUrl& target) {
  const auto session = sql::Session::Open(target, {.read_only = true});
  const OwnTableReading table(*session, kTable);
  if (!table.exists()) return {};
  return SelectProgress(*session, "", {});
}

void CheckFollows(const Progress& progress, const LogInfo& log, std::string_view target) {
  if (progress.log_id != log.id.ToString()) {
    throw UsageError(
        fmt::format("the progress row of pipeline {} on {} belongs to log {}, but this log is {}",
                    progress.pipeline, target, progress.log_id, log.id.ToString()),
        "Use the log that the row names, give the pipeline another name, or rebuild the target "
        "from this log with `syncline replay` into a new place.");
  }
  const Offset shared = log.SharedUpTo(progress.epoch);
  if (progress.next <= shared) return;
  const std::string is = fmt::format("{} holds pipeline {} up to offset {} of epoch {}", target,
                                     progress.pipeline, progress.next.value(), progress.epoch);
  const std::string hint = fmt::format(
      "Rebuild the target with `syncline replay {0}` into a new place. If you know "
      "that it holds nothing that the log lacks, `syncline offsets set {0} N` goes on.",
      progress.pipeline);
  if (progress.epoch > log.epoch) {
    throw DamageError(fmt::format("{}, but the log is an older copy, of epoch {}", is, log.epoch),
                      hint);
  }
  throw DamageError(
      fmt::format("{}, but the log was cut at offset {} since and is now in epoch {}: the target "
                  "holds changes that the log has lost",
                  is, shared.value(), log.epoch),
      hint);
}

}  // namespace syncline::apply
