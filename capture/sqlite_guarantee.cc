#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capture/classify.h"
#include "capture/moved_column.h"
#include "capture/sql_words.h"
#include "capture/stamp_forms.h"
#include "engine/model/value_text.h"
#include "engine/sql/dialect.h"

namespace syncline::capture {
namespace {

constexpr uint64_t kSampleRows = 1000;

struct Moves {
  bool on_insert = false;
  bool on_update = false;
  bool local_time = false;
};

Moves FindMoves(sql::Session& session, const TablePlan& plan) {
  const std::string& table = plan.schema->table.name;
  Moves moves;
  const auto columns =
      session.Query("SELECT name, dflt_value FROM pragma_table_xinfo($1)", {table});
  for (const auto& row : columns.rows) {
    if (row.at(0) != InsertColumn(plan)) continue;
    const auto words = SqlWords(row.at(1).value_or(""));
    moves.on_insert = GivesSqliteTime(words);
    moves.local_time = IsLocalTime(words);
  }
  const auto triggers = session.Query(
      "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = $1 COLLATE NOCASE",
      {table});
  for (const auto& row : triggers.rows) {
    const SqliteMove update = MoveOf(row.at(0).value_or(""), table, UpdateColumn(plan));
    const SqliteMove insert = MoveOf(row.at(0).value_or(""), table, InsertColumn(plan));
    moves.on_update |= update.on_update;
    moves.on_insert |= insert.on_insert;
    moves.local_time |= update.local_time || insert.local_time;
  }
  return moves;
}

// In which forms the cursor's values are, in a sample of the rows.
StampForms TakeSample(sql::Session& session, const TablePlan& plan) {
  const auto rows = session
                        .Query(sql::Format(
                            "SELECT typeof(c), c FROM (SELECT {} AS c FROM {} LIMIT {}) WHERE c IS "
                            "NOT NULL",
                            plan.cursor_sql(), plan.from(), kSampleRows))
                        .rows;
  StampForms forms;
  for (const auto& row : rows) {
    const std::string& text = row.at(1).value_or("");
    const Type type = row.at(0) == "integer" ? Type::kInt
                      : row.at(0) == "real"  ? Type::kDouble
                                             : Type::kText;
    const std::optional<Value> number = FromText(type, text);
    forms.Add(number ? number->view() : ValueView::Text(text));
  }
  return forms;
}

std::string Remedy(const TablePlan& plan, const Moves& moves) {
  if (moves.on_update) {
    return fmt::format("give column {} the default (strftime('%Y-%m-%d %H:%M:%f', 'now'))",
                       InsertColumn(plan));
  }
  std::vector<std::string> same_row;
  for (const std::string& column : plan.key_columns()) {
    same_row.push_back(fmt::format("{0} IS NEW.{0}", sql::Quote(column).text()));
  }
  const std::string table = sql::Quote(plan.schema->table.name).ToString();
  return fmt::format(
      "run: CREATE TRIGGER {} AFTER UPDATE ON {} BEGIN UPDATE {} SET {} = "
      "strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE {}; END",
      sql::Quote(plan.schema->table.name + "_stamp").text(), table, table,
      sql::Quote(UpdateColumn(plan)).text(), fmt::join(same_row, " AND "));
}

// A column of numbers that are no moments, or of which there is no row yet.
bool HoldsNumbers(sql::Session& session, const TablePlan& plan, const StampForms& forms) {
  if (forms.empty()) {
    const Type type = plan.schema->columns[plan.schema->cursor].type;
    return type == Type::kInt || type == Type::kDouble;
  }
  const auto texts = session.Query(sql::Format("SELECT 1 FROM {} WHERE typeof({}) = 'text' LIMIT 1",
                                               plan.from(), plan.cursor_sql()));
  return texts.rows.empty();
}

Guarantee ClassifyNumbers(sql::Session& session, const TablePlan& plan, const Moves& moves) {
  if (LooksLikeARowsOwnCounter(session, plan)) return OwnCounter(UpdateColumn(plan));
  if (moves.on_update && moves.on_insert) {
    return {GuaranteeClass::kExact, "for numbers that triggers of the database set", ""};
  }
  return {GuaranteeClass::kBestEffort,
          fmt::format("column {} holds numbers that {}: an update or an insert that sets no higher "
                      "one is missed",
                      UpdateColumn(plan),
                      moves.on_update   ? "no default sets in an insert"
                      : moves.on_insert ? "no trigger moves in an update"
                                        : "programs set"),
          "poll by a time in ISO form that a default and a trigger set"};
}

// Of moments.
Guarantee ClassifyMoments(const TablePlan& plan, const Moves& moves, const StampForms& forms) {
  const std::string& column = UpdateColumn(plan);
  const bool one_form = forms.scan() == StampForms::Scan::kRange;
  if (moves.local_time) {
    return {
        GuaranteeClass::kBestEffort,
        fmt::format("column {} holds local time: the hour that autumn repeats is missed", column),
        "leave 'localtime' out of its default and its trigger"};
  }
  if (!moves.on_update && IsCreationName(column)) {
    return {GuaranteeClass::kBestEffort,
            fmt::format("column {} looks like the time at which a row was made, and no trigger "
                        "moves it in an update: updates are missed",
                        column),
            "poll by a column that every update moves; or " + Remedy(plan, moves)};
  }
  if (moves.on_insert && moves.on_update && one_form) {
    return {GuaranteeClass::kExact,
            "for stamps that SQLite makes; for times that programs make, within 2 s", ""};
  }
  std::string reason, remedy;
  if (!moves.on_insert || !moves.on_update) {
    reason =
        fmt::format("where programs set column {}, in UTC and within 2 s of the clock{}", column,
                    moves.on_update ? ""
                                    : ", as long as every update does: no trigger of the table "
                                      "moves it");
    remedy = Remedy(plan, moves);
  }
  if (!one_form) {
    reason += fmt::format("{}the times in column {} are not all of one form ({})",
                          reason.empty() ? "" : "; ", column, forms.Describe());
    remedy += fmt::format(
        "{}write all of them in one form, such as strftime('%Y-%m-%d "
        "%H:%M:%f', 'now')",
        remedy.empty() ? "" : "; and ");
  }
  return {GuaranteeClass::kBounded, std::move(reason), std::move(remedy)};
}

}  // namespace

Guarantee ClassifySqlite(sql::Session& session, const TablePlan& plan) {
  if (auto key = ClassifyKey(plan)) return *std::move(key);
  if (plan.table_kind == sql::TableInfo::Kind::kView) {
    return {GuaranteeClass::kBestEffort,
            "a view: what changes beneath it without moving its cursor is missed",
            "capture the tables that it is made of"};
  }
  const Moves moves = FindMoves(session, plan);
  const StampForms forms = TakeSample(session, plan);
  const bool others = forms.empty() || !forms.are_moments();
  if (others && HoldsNumbers(session, plan, forms)) return ClassifyNumbers(session, plan, moves);
  if (!forms.are_moments()) {
    return {GuaranteeClass::kBestEffort,
            fmt::format("column {} holds text that is no time in ISO form, and is polled in the "
                        "order of its letters",
                        UpdateColumn(plan)),
            "poll by a time, such as updated_at, that every insert and update sets"};
  }
  return ClassifyMoments(plan, moves, forms);
}

}  // namespace syncline::capture
