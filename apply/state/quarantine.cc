#include "apply/state/quarantine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "apply/state/own_tables.h"
#include "apply/state/quarantined_record.h"
#include "apply/state/row_image.h"
#include "engine/sql/dialect.h"
#include "engine/sql/sql_dialect.h"

namespace syncline::apply {
namespace {

using sql::Format;
using sql::Sql;

constexpr Sql kInsertedQuarantine =
    "pipeline, log_id, epoch, log_offset, changes, source_table, target_table, operation, key, "
    "row_image, reason, code, waiting_for, key_bytes, schema_bytes, step_bytes";
constexpr Sql kValues = "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16";
// Rows named in one statement.
constexpr size_t kIdsMax = 1'000;

ValueView TextOrNull(const std::string& text) {
  return text.empty() ? ValueView::Null() : ValueView::Text(text);
}

ValueView Number(uint64_t number) { return ValueView::Int(static_cast<int64_t>(number)); }

std::string KeyImage(const QuarantinedChange& step) {
  std::vector<Column> columns;
  for (const uint32_t index : step.schema->key) columns.push_back(step.schema->columns[index]);
  return AsciiImage(RowImage(columns, step.change.key));
}

// Empty for a deletion.
std::string ImageOf(const QuarantinedChange& step) {
  return step.deletion ? "" : AsciiImage(RowImage(step.schema->columns, step.change.row));
}

// What every row of the table says, whether refused or waiting.
Row RecordOf(const QuarantinedChange& step, const TableName& target, const Progress& at,
             uint64_t changes, const std::string& reason, const std::string& code,
             std::optional<uint64_t> waiting_for) {
  const std::string image = ImageOf(step);
  Row record;
  record.Append(ValueView::Text(at.pipeline));
  record.Append(ValueView::Text(at.log_id));
  record.Append(Number(at.epoch));
  record.Append(Number(step.change.offset.value()));
  record.Append(Number(changes));
  record.Append(ValueView::Text(step.schema->table.ToString()));
  record.Append(ValueView::Text(target.ToString()));
  record.Append(ValueView::Text(step.deletion ? "delete" : "upsert"));
  record.Append(ValueView::Text(KeyImage(step)));
  record.Append(TextOrNull(image));
  record.Append(ValueView::Text(reason));
  record.Append(TextOrNull(code));
  record.Append(waiting_for ? Number(*waiting_for) : ValueView::Null());
  record.Append(ValueView::Bytes(step.change.key.bytes()));
  record.Append(ValueView::Bytes(EncodeSchema(*step.schema)));
  record.Append(ValueView::Bytes(EncodeStep(step)));
  return record;
}

std::vector<const Row*> Pointers(const std::vector<Row>& rows) {
  std::vector<const Row*> pointers;
  for (const Row& row : rows) pointers.push_back(&row);
  return pointers;
}

// As it is read back: columns by name and the type that they hold.
TableSchema Columns(const sql::Session& session,
                    std::initializer_list<std::pair<const char*, Type>> columns) {
  TableSchema schema{.table = OwnTable(session, kQuarantineTable)};
  for (const auto& [name, type] : columns) schema.columns.push_back({.name = name, .type = type});
  return schema;
}

Sql QuarantineTableSql(const sql::Session& session) {
  return OwnTableSql(session, kQuarantineTable);
}

Sql OfPipeline(const std::string& pipeline, Dialect dialect) {
  return pipeline.empty() ? Sql() : Format("pipeline = {}", sql::TextLiteral(pipeline, dialect));
}

std::vector<ParkedChange> SelectQuarantine(sql::Session& session, const Sql& where) {
  const TableSchema schema = Columns(session, {{"id", Type::kInt},
                                               {"pipeline", Type::kText},
                                               {"log_id", Type::kText},
                                               {"epoch", Type::kInt},
                                               {"changes", Type::kInt},
                                               {"source_table", Type::kText},
                                               {"target_table", Type::kText},
                                               {"reason", Type::kText},
                                               {"code", Type::kText},
                                               {"parked_at", Type::kText},
                                               {"waiting_for", Type::kInt},
                                               {"schema_bytes", Type::kBytes},
                                               {"step_bytes", Type::kBytes}});
  std::vector<ParkedChange> found;
  ParkedSchemas schemas;
  session.ReadRows({.schema = schema, .where = where, .order_by = "log_offset, id"}, [&](Row& row) {
    std::vector<ValueView> values;
    for (const ValueView value : row) values.push_back(value);
    try {
      found.push_back(ParkedFrom(values, schemas));
    } catch (const Error& error) {
      throw ForeignRow(values, error.message());
    }
  });
  return found;
}

std::vector<ParkedChange> SelectIds(sql::Session& session, std::span<const uint64_t> ids) {
  std::vector<ParkedChange> found;
  for (; !ids.empty(); ids = ids.subspan(std::min(ids.size(), kIdsMax))) {
    auto some = SelectQuarantine(
        session,
        Format("id IN ({})", sql::JoinNumbers(ids.first(std::min(ids.size(), kIdsMax)), ", ")));
    std::ranges::move(some, std::back_inserter(found));
  }
  return found;
}

}  // namespace

void EnsureQuarantineTable(sql::Session& session) {
  const sql::SqlDialect& words = sql::DialectOf(session);
  MakeOwnTable(
      session, kQuarantineTable,
      Format("CREATE TABLE IF NOT EXISTS {0} (id {1}, parked_at text NOT NULL, "
             "pipeline text NOT NULL, "
             "log_id text NOT NULL, epoch bigint NOT NULL, log_offset bigint NOT NULL, "
             "changes bigint NOT NULL, source_table text NOT NULL, target_table text NOT NULL, "
             "operation text NOT NULL, key text NOT NULL, row_image text, reason text NOT NULL, "
             "code text, waiting_for bigint, key_bytes {2} NOT NULL, schema_bytes {2} NOT NULL, "
             "step_bytes {2} NOT NULL)",
             QuarantineTableSql(session), words.NumberedKeyType(), words.BytesType()));
}

void Quarantine::Note(const std::vector<ValueView>& values, Known& known) {
  const uint64_t id = NumberAt(values, 0);
  auto& keys = known.keys[TableName::Parse(TextAt(values, 2))];
  Place& place = keys[std::string(BytesAt(values, 3))];
  if (values[1].is_null()) {
    place.refused = id;
    ++known.size;
  } else {
    place.waiting = id;
  }
}

void Quarantine::Refresh(sql::Session& session, const std::string& pipeline) {
  // Rows are only ever added, with new ids, and deleted.
  if (known_ && known_->size == 0) return;  // only whoever moves the progress row adds the first
  const auto row = session
                       .Query(Format("SELECT count(*), coalesce(max(id), 0) FROM {} "
                                     "WHERE pipeline = $1",
                                     QuarantineTableSql(session)),
                              {pipeline})
                       .rows.at(0);
  std::string state = row.at(0).value() + " " + row.at(1).value();
  if (known_ && known_->state == state) return;
  Known known{.state = std::move(state)};
  const TableSchema schema = Columns(session, {{"id", Type::kInt},
                                               {"waiting_for", Type::kInt},
                                               {"source_table", Type::kText},
                                               {"key_bytes", Type::kBytes}});
  session.ReadRows({.schema = schema, .where = OfPipeline(pipeline, session.dialect())},
                   [&](Row& row) {
                     std::vector<ValueView> values;
                     for (const ValueView value : row) values.push_back(value);
                     try {
                       Note(values, known);
                     } catch (const Error& error) {
                       throw ForeignRow(values, error.message());
                     }
                   });
  known_ = std::move(known);
}

std::vector<Quarantine::Waiting> Quarantine::TakeWaiting(
    std::vector<TableChanges>& tables,
    const std::function<TableName(const TableName&)>& target_of) {
  std::vector<Waiting> waiting;
  if (size() == 0) return waiting;
  for (TableChanges& table : tables) {
    const auto found = known_->keys.find(table.schema->table);
    if (found == known_->keys.end()) continue;
    const auto& keys = found->second;
    const TableName target = target_of(table.schema->table);
    const auto take = [&](std::vector<RowChange>& changes, bool deletion) {
      std::erase_if(changes, [&](RowChange& change) {
        const auto place = keys.find(change.key.bytes());
        if (place == keys.end()) return false;
        waiting.push_back({.step = {table.schema, deletion, std::move(change)},
                           .target = target,
                           .behind = place->second.refused,
                           .joins = place->second.waiting});
        return true;
      });
    };
    take(table.upserts, false);
    take(table.deletes, true);
  }
  return waiting;
}

void Quarantine::Park(sql::Session& session, const Progress& at,
                      std::span<const RefusedStep> refused, std::vector<Waiting> waiting) {
  if (refused.empty() && waiting.empty()) return;
  std::vector<Row> records;
  for (const RefusedStep& one : refused) {
    records.push_back(RecordOf(one.step, one.target, at, 1 + one.step.change.passed.size(),
                               one.Reason(), one.error.code(), {}));
  }
  std::vector<uint64_t> last;  // of the same keys
  for (const Waiting& one : waiting) last.push_back(one.joins.value_or(one.behind));
  std::map<uint64_t, ParkedChange> before;
  for (ParkedChange& change : SelectIds(session, last)) before[change.id] = std::move(change);
  std::vector<uint64_t> replaced;
  for (Waiting& one : waiting) {
    uint64_t changes = 1 + one.step.change.passed.size();
    ParkedChange& first = before.at(one.joins.value_or(one.behind));
    // A pipeline that was set back brings again what is here already.
    if (first.step.change.offset >= one.step.change.offset) continue;
    if (one.joins) {
      replaced.push_back(first.id);
      changes += first.changes;
      one.step = Joined(std::move(first.step), std::move(one.step));
    }
    records.push_back(RecordOf(one.step, one.target, at, changes,
                               fmt::format("waits for change {} of the same row", one.behind), "",
                               one.behind));
  }
  DeleteParked(session, replaced);
  session.ExecuteEach(
      Format("INSERT INTO {} (parked_at, {}) VALUES ({}, {})", QuarantineTableSql(session),
             kInsertedQuarantine, sql::DialectOf(session).Now(), kValues),
      Pointers(records));
  Forget();
}

std::vector<ParkedChange> ReadQuarantine(sql::Session& session, const std::string& pipeline) {
  return SelectQuarantine(session, OfPipeline(pipeline, session.dialect()));
}

std::vector<ParkedChange> ListQuarantine(const sql::DatabaseUrl& target,
                                         const std::string& pipeline) {
  const auto session = sql::Session::Open(target, {.read_only = true});
  const OwnTableReading table(*session, kQuarantineTable);
  if (!table.exists()) return {};
  return ReadQuarantine(*session, pipeline);
}

void CheckParked(sql::Session& session, const std::string& pipeline, const LogInfo& log,
                 std::string_view target) {
  const auto found =
      session.Query(Format("SELECT log_id, epoch, max(log_offset) FROM {} WHERE pipeline = $1 "
                           "GROUP BY log_id, epoch ORDER BY log_id, epoch",
                           QuarantineTableSql(session)),
                    {pipeline});
  const std::string own = log.id.ToString();
  for (const auto& row : found.rows) {
    const auto text = [&row](size_t i) { return row.at(i).value_or(""); };
    const bool other_log = text(0) != own;
    if (!other_log && Offset(Counted(text(2))) < log.SharedUpTo(Counted(text(1)))) continue;
    const std::string from = other_log
                                 ? fmt::format("of log {}, but this log is {}", text(0), own)
                                 : fmt::format("of epoch {}, which log {} has lost", text(1), own);
    throw UsageError(
        fmt::format("{} holds parked changes of pipeline {} {}", target, pipeline, from),
        fmt::format("They could overwrite newer states of their rows. Settle them first: "
                    "`syncline quarantine list {0}` shows them, `syncline quarantine retry {0}` "
                    "applies them, `syncline quarantine skip {0} ID..` drops them.",
                    pipeline));
  }
}

uint64_t CountRefused(sql::Session& session, const std::string& pipeline) {
  const auto found =
      session.Query(Format("SELECT count(*) FROM {} WHERE pipeline = $1 AND waiting_for IS NULL",
                           QuarantineTableSql(session)),
                    {pipeline});
  return Counted(found.rows.at(0).at(0).value_or(""));
}

std::map<std::string, uint64_t> CountRefusedByTable(const sql::DatabaseUrl& target,
                                                    const std::string& pipeline) {
  const auto session = sql::Session::Open(target, {.read_only = true});
  std::map<std::string, uint64_t> counts;
  const OwnTableReading table(*session, kQuarantineTable);
  if (!table.exists()) return counts;
  const auto found =
      session->Query(Format("SELECT target_table, count(*) FROM {} WHERE pipeline = $1 AND "
                            "waiting_for IS NULL GROUP BY target_table",
                            QuarantineTableSql(*session)),
                     {pipeline});
  for (const auto& row : found.rows) {
    counts[row.at(0).value_or("")] = Counted(row.at(1).value_or(""));
  }
  return counts;
}

std::map<std::string, uint64_t> CountQuarantine(const sql::DatabaseUrl& target) {
  const auto session = sql::Session::Open(target, {.read_only = true});
  std::map<std::string, uint64_t> counts;
  const OwnTableReading table(*session, kQuarantineTable);
  if (!table.exists()) return counts;
  const auto result = session->Query(
      Format("SELECT pipeline, count(*) FROM {} WHERE waiting_for IS NULL GROUP BY pipeline",
             QuarantineTableSql(*session)));
  for (const auto& row : result.rows) {
    counts[row.at(0).value_or("")] = Counted(row.at(1).value_or(""));
  }
  return counts;
}

void RewriteParked(sql::Session& session, uint64_t id, const QuarantinedChange& step) {
  Row row;
  row.Append(TextOrNull(ImageOf(step)));
  row.Append(ValueView::Bytes(EncodeSchema(*step.schema)));
  row.Append(ValueView::Bytes(EncodeStep(step)));
  row.Append(Number(id));
  const Row* const only = &row;
  session.ExecuteEach(
      Format("UPDATE {} SET row_image = $1, schema_bytes = $2, step_bytes = $3 WHERE id = $4",
             QuarantineTableSql(session)),
      {&only, 1});
}

void DeleteParked(sql::Session& session, std::span<const uint64_t> ids) {
  std::vector<Row> rows(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) rows[i].Append(Number(ids[i]));
  session.ExecuteEach(Format("DELETE FROM {} WHERE id = $1", QuarantineTableSql(session)),
                      Pointers(rows));
}

void UpdateReason(sql::Session& session, uint64_t id, const RefusedStep& refused) {
  session.Change(
      Format("UPDATE {} SET reason = $1, code = $2 WHERE id = $3", QuarantineTableSql(session)),
      {refused.Reason(), refused.error.code(), std::to_string(id)});
}

std::string RefusedStep::Reason() const {
  const std::string why = error.refusal() ? error.refusal()->reason : error.message();
  return taken_by.empty() ? why : fmt::format("{}: {}", why, AsciiImage(taken_by));
}

}  // namespace syncline::apply
