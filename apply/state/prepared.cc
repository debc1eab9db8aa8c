#include "apply/state/prepared.h"

#include <fmt/format.h>

#include "apply/state/own_tables.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/logger.h"
#include "engine/sql/for_dialect.h"

namespace syncline::apply {
namespace {

Progress ReadToken(const std::string& token) {
  try {
    const Json json = Json::parse(token);
    if (!json.at("next").is_number_unsigned() || !json.at("frame_hash").is_number_unsigned()) {
      throw DamageError("the token of the log's prepared frame has no numbers");
    }
    return {.pipeline = json.at("pipeline").get<std::string>(),
            .log_id = json.at("log_id").get<std::string>(),
            .next = Offset(json.at("next").get<uint64_t>()),
            .frame_hash = json.at("frame_hash").get<uint64_t>()};
  } catch (const JsonError&) {
    throw DamageError("the token of the log's prepared frame cannot be read");
  }
}

bool IsCommitted(const sql::DatabaseUrl& database, const Progress& wanted) {
  const auto session = sql::Session::Open(database);
  sql::Transaction transaction(*session, sql::Session::Isolation::kWrite);
  if (!HoldOwnTable(*session, kProgressTable)) return false;
  // The row's own lock would not do: the session may be about to insert it.
  sql::ForDialect(session->dialect(), sql::IfPostgres{[&] {
                    session->Execute(sql::Format("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE",
                                                 OwnTableSql(*session, kProgressTable)));
                  }},
                  sql::IfSqlite{[] {}});  // the transaction holds the file
  const std::optional<Progress> found = ReadProgress(*session, wanted.pipeline);
  transaction.Rollback();
  return found && found->log_id == wanted.log_id && found->next == wanted.next &&
         found->frame_hash == wanted.frame_hash;
}

}  // namespace

std::string PreparedToken(const Progress& to) {
  return Json{{"frame_hash", to.frame_hash},
              {"log_id", to.log_id},
              {"next", to.next.value()},
              {"pipeline", to.pipeline}}
      .dump();
}

void SettlePrepared(const sql::DatabaseUrl& database, PreparedAppends& log) {
  const std::optional<std::string> token = log.prepared();
  if (!token) return;
  if (IsCommitted(database, ReadToken(*token))) {
    log.AppendPrepared();
  } else {
    log.DropPrepared();
  }
}

void CheckNotBehind(const sql::DatabaseUrl& database, PreparedAppends& log) {
  const std::map<std::string, std::string> all = log.all_applied();
  if (all.empty()) return;
  const auto session = sql::Session::Open(database, {.read_only = true});
  const OwnTableReading table(*session, kProgressTable);
  for (const auto& [pipeline, token] : all) {
    const Progress noted = ReadToken(token);
    const std::optional<Progress> found =
        table.exists() ? ReadProgress(*session, pipeline) : std::nullopt;
    if (found && (found->log_id != noted.log_id || found->reached >= noted.next)) continue;
    throw StopError(
        fmt::format(
            "{} is behind its own log, which knows that pipeline {} was applied up to offset "
            "{}: it was emptied, or restored from a backup",
            database.display, pipeline, noted.next.value()),
        "restore a state that is not older; or, for a new beginning from what both databases hold "
        "now, stop Syncline and move the folders of both logs away");
  }
}

void FitToLogs(sql::Session& session, const std::string& pipeline, const LogInfo& log,
               ReplicaLog& own, Logger& logger) {
  const auto fits = [&] {
    const std::optional<Progress> found = ReadProgress(session, pipeline);
    return !found || (found->log_id == log.id.ToString() && own.Applied(pipeline));
  };
  if (fits()) return;
  const auto turn = own.Turn();
  if (fits()) return;  // what was prepared is settled now
  logger.Warn("a log was made anew: everything is compared from its beginning pipeline={}",
              pipeline);
  own.Note(pipeline, "");
  sql::Transaction transaction(session, sql::Session::Isolation::kWrite);
  EraseProgress(session, pipeline);
  transaction.Commit();
}

}  // namespace syncline::apply
