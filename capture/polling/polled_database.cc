#include "capture/polling/polled_database.h"

#include <fmt/format.h>

#include <utility>

#include "capture/cursor/stored_cursor.h"
#include "capture/polling/catalog_watch.h"
#include "capture/polling/polling_source.h"
#include "capture/polling/source_change.h"

namespace syncline::capture {
namespace {

std::vector<TableName> NamesIn(const std::vector<TableSpec>& specs) {
  std::vector<TableName> tables;
  for (const TableSpec& spec : specs) tables.push_back(spec.table);
  return tables;
}

std::vector<SchemaId> SchemaIds(const std::vector<CapturePlan>& tables) {
  std::vector<SchemaId> ids;
  for (const CapturePlan& table : tables) ids.push_back(table.schema->id());
  return ids;
}

}  // namespace

PolledDatabase::PolledDatabase(sql::DatabaseUrl url, std::vector<TableSpec> specs,
                               SourceRequest request)
    : url_(std::move(url)), specs_(std::move(specs)), request_(request) {}

std::unique_ptr<Source> PolledDatabase::Connect(const std::optional<Error>& unexplained) {
  std::unique_ptr<sql::Session> session = OpenSession();
  const LogInfo& log = request_.log.info();
  if (const std::string identity = session->Identity(); identity != log.source) {
    throw StopError(
        fmt::format("{} is now {}, and the log belongs to {}", url_.display, identity, log.source),
        "correct the source's URL, or capture this database into a log of its own");
  }
  auto catalog = std::make_unique<CatalogWatch>(*session, NamesIn(specs_));
  std::vector<CapturePlan> tables = PlanOrWait(*session, catalog->database());
  std::vector<SchemaId> schemas = SchemaIds(tables);
  if (unexplained) {
    if (schemas == schemas_) throw *unexplained;
    request_.logger.Info("the source's tables have changed, going on with them as they are now");
  }
  schemas_ = std::move(schemas);
  auto source = std::make_unique<PollingSource>(
      std::move(session), [this] { return OpenSession(); }, std::move(catalog), std::move(tables),
      request_.options, request_.log, request_.clock, request_.stats, request_.logger);
  was_connected_ = true;
  return source;
}

// A database that was made anew may still be filled: its tables come one by one.
std::vector<CapturePlan> PolledDatabase::PlanOrWait(sql::Session& session,
                                                    const sql::DatabaseMark& database) {
  try {
    return PlanTables(session, specs_, KindsIn(request_.log.cursor()));
  } catch (const Error& error) {
    const bool is_other = IsReplaced(CaptureCursor::Parse(request_.log.cursor()), database);
    if (!is_other || error.reaction() != Reaction::kStop) throw;
    throw RetryError(fmt::format("{} is another database than before, and not complete yet: {}",
                                 url_.display, error.message()),
                     error.hint());
  }
}

std::unique_ptr<sql::Session> PolledDatabase::OpenSession() const {
  try {
    return sql::Session::Open(url_, {.read_only = true});
  } catch (const Error& error) {
    // Dropped or moved away while it was captured, it may be about to be restored.
    const bool is_gone = error.condition() == Condition::kNoSuchDatabase;
    if (!was_connected_ || !is_gone || error.reaction() != Reaction::kStop) throw;
    throw error.WithReaction(Reaction::kRetry);
  }
}

bool PolledDatabase::MayGoAway(const Error& error) const {
  return was_connected_ && error.condition() == Condition::kNotADatabase;
}

SourceMaker Polled(sql::DatabaseUrl url, std::vector<TableSpec> tables) {
  return [url = std::move(url), tables = std::move(tables)](const SourceRequest& request) {
    return std::make_unique<PolledDatabase>(url, tables, request);
  };
}

}  // namespace syncline::capture
