#include "apply/write/table_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "apply/plan/key_fit.h"
#include "apply/plan/shape_of.h"
#include "apply/state/row_image.h"
#include "engine/base/error.h"
#include "engine/model/value_text.h"
#include "engine/sql/dialect.h"
#include "engine/sql/told_key.h"

namespace syncline::apply {
namespace {

// Sets of rows, by number, ascending.
using Numbers = std::vector<uint32_t>;

Numbers Union(const Numbers& a, const Numbers& b) {
  Numbers both;
  std::ranges::set_union(a, b, std::back_inserter(both));
  return both;
}

Numbers Common(const Numbers& a, const Numbers& b) {
  Numbers common;
  std::ranges::set_intersection(a, b, std::back_inserter(common));
  return common;
}

Numbers Without(const Numbers& a, const Numbers& b) {
  Numbers left;
  std::ranges::set_difference(a, b, std::back_inserter(left));
  return left;
}

// Those without a state before.
Numbers Firsts(const WriteTask& task) {
  Numbers firsts;
  for (uint32_t number = 0; number < task.changes.size(); ++number) {
    if (IsFirst(task.changes[number])) firsts.push_back(number);
  }
  return firsts;
}

// For people.
std::string TellKey(const Row& key) {
  std::string text;
  for (const ValueView value : key) {
    const std::string whole = value.is_null() ? "NULL" : ToText(Value(value));
    const std::string_view told = sql::BeginningOf(whole, /*is_text=*/true);
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", told,
                        told.size() < whole.size() ? ".." : "");
  }
  return text;
}

// An error of which the database has said only at which place of a call the row stood: with the
// row's key instead, and its number among the changes.
Error OfRow(const Error& error, const RowChange& change, uint32_t number) {
  Refusal refusal = *error.refusal();
  const std::string place = fmt::format("row {}: ", *refusal.row);
  std::string_view message = error.message();
  if (message.starts_with(place)) message.remove_prefix(place.size());
  Error told =
      error.WithMessage(fmt::format("the row with the key ({}): {}", TellKey(change.key), message));
  refusal.row = number;
  told.SetRefusal(std::move(refusal));
  return told;
}

// Runs `body`, which writes the changes of those numbers; a row that it names is told by its key
// and its number.
template <typename Body>
decltype(auto) ByNumber(const WriteTask& task, const Numbers& numbers, Body&& body) {
  try {
    return body();
  } catch (const Error& error) {
    if (!error.refusal() || !error.refusal()->row) throw;
    const uint32_t number = numbers.at(*error.refusal()->row);
    throw OfRow(error, task.changes[number], number);
  }
}

WriteTask TaskFor(bool deletion, std::span<const RowChange> changes, const WriteOptions& options,
                  bool takes_older = false) {
  const bool from_base = takes_older || std::ranges::any_of(changes, [](const RowChange& change) {
                           return change.passed_up_to.has_value();
                         });
  return {.deletion = deletion, .changes = changes, .options = options, .from_base = from_base};
}

}  // namespace

TableWriter::TableWriter(sql::Session& session, ApplyPlan plan, const sql::TableInfo& info,
                         size_t number)
    : session_(session),
      plan_(std::move(plan)),
      shape_(ShapeOf(plan_, info, session)),
      settler_(session, plan_, shape_),
      two_way_resolver_(session, plan_, shape_, number),
      unique_(session, shape_, info.unique_indexes),
      takes_older_(plan_.on_delete == OnDelete::kIgnore && shape_.has_versions() &&
                   plan_.conflict != ConflictRule::kTargetWins) {
  upserts_.name = {std::string(shape_.words().TemporarySchema()),
                   fmt::format("syncline_upserts_{}", number)};
  upserts_.create = CreateUpsertStageSql(shape_, upserts_.name);
  upserts_.columns = UpsertColumns(shape_);
  deletes_.name = {std::string(shape_.words().TemporarySchema()),
                   fmt::format("syncline_deletes_{}", number)};
  deletes_.create = CreateDeleteStageSql(shape_, deletes_.name);
  deletes_.columns = DeleteColumns(shape_);
}

WriteCounts TableWriter::Upsert(std::span<const RowChange> changes, const WriteOptions& options,
                                std::vector<Conflict>& conflicts) {
  return Write(TaskFor(/*deletion=*/false, changes, options, takes_older_), conflicts);
}

WriteCounts TableWriter::Delete(std::span<const RowChange> changes, const WriteOptions& options,
                                std::vector<Conflict>& conflicts) {
  if (plan_.on_delete == OnDelete::kIgnore) return {};
  const auto is_other = [&](const RowChange& change) {
    return NotHeldBy(plan_.key_fits, change.key) != nullptr;
  };
  // The target never had such a row, but may find another one for it.
  if (!plan_.key_fits.empty() && std::ranges::any_of(changes, is_other)) {
    std::vector<RowChange> there(changes.begin(), changes.end());
    std::erase_if(there, is_other);
    return Write(TaskFor(/*deletion=*/true, there, options), conflicts);
  }
  return Write(TaskFor(/*deletion=*/true, changes, options), conflicts);
}

std::optional<std::string> TableWriter::TakenBy(const RowChange& change) {
  if (!shape_.may_be_taken()) return std::nullopt;
  const WriteOptions options;
  WriteTask task = TaskFor(/*deletion=*/false, {&change, 1}, options);
  task.rows.resize(1);
  MakeRows(task, task.All());
  const sql::FirstRow found =
      session_.QueryEach(TakenKeySql(shape_), task.Pointers(task.All())).front();
  if (!found) return std::nullopt;
  std::vector<Column> columns;
  for (const uint32_t column : plan_.key) columns.push_back(plan_.columns[column]);
  return RowImage(columns, *found);
}

void TableWriter::CheckKeys(const WriteTask& task) const {
  if (plan_.key_fits.empty() || task.deletion) return;
  for (uint32_t number = 0; number < task.changes.size(); ++number) {
    const KeyFit* const fit = NotHeldBy(plan_.key_fits, task.changes[number].key);
    if (fit != nullptr) throw KeyIsNotHeld(*fit, number);
  }
}

void TableWriter::FreeUniqueValues(std::span<const RowChange> upserts,
                                   std::span<const RowChange> deletes,
                                   const WriteOptions& options) {
  if (!unique_.any()) return;
  // Rows that stay keep their values.
  if (plan_.on_delete != OnDelete::kDelete) deletes = {};
  WriteTask written = TaskFor(/*deletion=*/false, upserts, options);
  WriteTask deleted = TaskFor(/*deletion=*/true, deletes, options);
  for (WriteTask* task : {&written, &deleted}) {
    task->rows.resize(task->changes.size());
    MakeRows(*task, task->All());
  }
  unique_.Free(written, deleted);
}

WriteCounts TableWriter::Write(WriteTask task, std::vector<Conflict>& conflicts) {
  if (task.changes.empty()) return {};
  CheckKeys(task);
  // One statement must not meet a row twice that it brings back (ON CONFLICT DO UPDATE).
  const bool is_single = shape_.may_be_taken() && shape_.flag && !task.options.whole;
  task.rows.resize(task.changes.size());
  if (task.options.local_log != nullptr) {
    MakeRows(task, task.All());
    two_way_resolver_.Settle(task);
  } else if (shape_.words().can().has_staged_statements && !task.options.freed && !is_single &&
             (task.options.whole || task.changes.size() >= kStagedRowsMin)) {
    WriteByStatement(task);
  } else {
    WriteByRow(task);
  }
  settler_.Settle(task);
  task.counts.conflicts = task.conflicts.size();
  conflicts.insert(conflicts.end(), std::make_move_iterator(task.conflicts.begin()),
                   std::make_move_iterator(task.conflicts.end()));
  return task.counts;
}

// The version of what the target should hold, or the highest of those that it may hold.
ValueView TableWriter::Before(const WriteTask& task, const RowChange& change) const {
  const auto& previous = task.from_base ? change.passed_up_to : change.previous;
  if (previous) return previous->view();
  if (!takes_older_) return ValueView::Null();
  return change.previous ? change.previous->view() : change.version.view();
}

void TableWriter::MakeRows(WriteTask& task, const Numbers& numbers) const {
  constexpr size_t kRoomForVersions = 64;
  for (const uint32_t number : numbers) {
    const RowChange& change = task.changes[number];
    const Row& source = task.deletion ? change.key : change.row;
    Row& row = task.rows[number];
    row.Reserve(source.bytes().size() + kRoomForVersions);
    if (task.deletion || plan_.TakesAll()) {
      row = source;
    } else {
      row = TargetRow(plan_, source);
    }
    if (shape_.has_versions()) {
      row.Append(Before(task, change));
      if (task.deletion) row.Append(change.version);
    }
    row.Append(ValueView::Int(number));
  }
}

void TableWriter::CopyStraight(const WriteTask& task, const Numbers& numbers) {
  copied_ = true;
  std::vector<Row> parts;
  std::vector<const Row*> rows;
  rows.reserve(numbers.size());
  if (!plan_.TakesAll()) parts.reserve(numbers.size());
  for (const uint32_t number : numbers) {
    const Row& row = task.changes[number].row;
    rows.push_back(plan_.TakesAll() ? &row : &parts.emplace_back(TargetRow(plan_, row)));
  }
  ByNumber(task, numbers, [&] { session_.LoadRows(shape_.table, plan_.ColumnNames(), rows); });
}

bool TableWriter::Copies(const Numbers& firsts) const {
  return may_copy_ && !shape_.may_be_taken() && firsts.size() >= copied_min_ &&
         shape_.words().can().has_bulk_load;
}

void TableWriter::Make(Stage& stage) {
  session_.Execute(stage.create);
  stage.created = true;
}

void TableWriter::ExpectSavepoints(std::span<const RowChange> upserts) {
  if (!shape_.words().can().has_staged_statements) return;
  const auto firsts = static_cast<size_t>(std::ranges::count_if(upserts, IsFirst));
  if (firsts >= kStagedRowsMin) copied_min_ = kCopiedRowsMin;  // else none would be copied at all
  empty_stage_ = "TRUNCATE ";
  for (Stage* const stage : {&upserts_, &deletes_}) {
    if (!stage->created) Make(*stage);
  }
}

void TableWriter::Load(WriteTask& task, const Numbers& numbers) {
  Stage& stage = StageOf(task);
  // Within one transaction a table may be written in several parts.
  if (stage.created) {
    session_.Execute(empty_stage_ + sql::Quote(stage.name));
  } else {
    Make(stage);
  }
  MakeRows(task, numbers);
  ByNumber(task, numbers,
           [&] { session_.LoadRows(stage.name, stage.columns, task.Pointers(numbers)); });
  if (task.options.locks_first) session_.Execute(LockStagedSql(shape_, stage.name));
}

void TableWriter::WriteByStatement(WriteTask& task) {
  if (task.deletion) {
    Load(task, task.All());
    task.counts.written =
        session_.Change(DeleteStagedSql(shape_, StageOf(task).name, task.follows()));
  } else {
    task.counts.written = UpsertByStatement(task);
  }
  if (task.counts.written < task.changes.size()) FindOpen(task);
}

uint64_t TableWriter::UpsertByStatement(WriteTask& task) {
  const TableName& stage = upserts_.name;
  const size_t all = task.changes.size();
  const auto update = [&] {
    return session_.Change(UpdateStagedSql(shape_, stage, task.follows()));
  };
  const auto insert = [&](Staged which) {
    return session_.Change(InsertStagedSql(shape_, stage, which));
  };
  if (!shape_.has_versions()) {
    Load(task, task.All());
    const uint64_t updated = update();
    return updated == all ? all : updated + insert(Staged::kAll);
  }
  if (task.from_base) {
    Load(task, task.All());
    const uint64_t inserted = insert(Staged::kAll);
    return inserted == all ? all : inserted + update();
  }
  const Numbers firsts = Firsts(task);
  const Numbers changed = Without(task.All(), firsts);
  const bool copy = Copies(firsts);
  if (!copy) {
    Load(task, task.All());
  } else if (!changed.empty()) {
    Load(task, changed);
  }
  uint64_t written = 0;
  // Changed rows may free unique values that new ones take. But where the rows of a table refer to
  // each other, new ones come first.
  if (!changed.empty() && !task.options.whole) written += update();
  if (copy) {
    CopyStraight(task, firsts);
    written += firsts.size();
  } else if (!firsts.empty()) {
    written += insert(Staged::kNew);
  }
  if (!changed.empty() && task.options.whole) written += update();
  return written;
}

// What the statements have left open and what needs a lock: not what the target has already, nor
// where it was set back and is ahead.
void TableWriter::FindOpen(WriteTask& task) {
  const auto look = task.deletion ? LookStagedDeletesSql : LookStagedUpsertsSql;
  for (const auto& row : session_.Query(look(shape_, StageOf(task).name)).rows) {
    const auto number = static_cast<uint32_t>(std::stoul(row.at(0).value()));
    const bool ahead = row.at(1) == "t" && task.IsAgain(number) &&
                       plan_.conflict == ConflictRule::kLatestWins &&
                       task.changes[number].passed.empty();
    if (ahead) {
      ++task.counts.newer;
    } else {
      task.open.push_back(number);
    }
  }
  std::ranges::sort(task.open);
}

void TableWriter::WriteByRow(WriteTask& task) {
  const Numbers all = task.All();
  const Numbers firsts = Firsts(task);
  const bool copy = !task.deletion && !task.from_base && !task.options.freed &&
                    shape_.has_versions() && Copies(firsts);
  const Numbers& made = copy ? Without(all, firsts) : all;
  MakeRows(task, made);
  if (task.options.locks_first && shape_.words().can().has_row_locks) {
    session_.ExecuteEach(LockRowSql(shape_, task.deletion), task.Pointers(made));
  }
  const auto left_by = [&](const sql::Sql& sql, const Numbers& numbers) {
    Numbers left;
    const auto places =
        ByNumber(task, numbers, [&] { return session_.ExecuteEach(sql, task.Pointers(numbers)); });
    for (const uint32_t place : places) left.push_back(numbers[place]);
    return left;
  };
  const sql::Sql update = UpdateRowSql(shape_, task.follows());
  const sql::Sql insert = InsertRowSql(shape_);
  if (task.deletion) {
    task.open = left_by(DeleteRowSql(shape_, task.follows()), all);
  } else if (!shape_.has_versions()) {
    task.open = left_by(insert, left_by(update, all));
  } else if (task.from_base) {
    const Numbers there = left_by(insert, all);
    task.open = Union(left_by(update, Without(there, firsts)), Common(there, firsts));
  } else {
    task.open = left_by(update, Without(all, firsts));
    if (copy) {
      CopyStraight(task, firsts);
    } else {
      task.open = Union(task.open, left_by(insert, firsts));
    }
  }
  task.counts.written = task.changes.size() - task.open.size();
}

}  // namespace syncline::apply
