#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capture/cursor/stamp_forms.h"
#include "capture/guarantees/classify.h"
#include "capture/guarantees/moved_column.h"
#include "capture/guarantees/sql_words.h"
#include "capture/guarantees/stamped_column.h"
#include "engine/model/value_text.h"
#include "engine/sql/dialect.h"

namespace syncline::capture {
namespace {

struct Moves {
  bool by_default = false;  // where an insert leaves it out
  bool on_insert = false;   // in every one
  bool on_update = false;   // in every one
  bool guarded = false;     // on_update: in those that have not set it themselves
  bool counted = false;     // to a number above those that are there
  bool local_time = false;
  std::string other;    // the trigger that may give it something else
  std::string hinders;  // the trigger that may have a row changed that others do not stamp then

  bool always() const {
    return on_insert && on_update && !guarded && other.empty() && hinders.empty();
  }
};

// The table, as what its triggers have to find a row of it by.
SqliteTable TableOf(const sql::ResultSet& columns, sql::Session& session, const CapturePlan& plan) {
  SqliteTable table{.name = plan.schema->table.name, .column = UpdateColumn(plan)};
  table.has_rowid = true;
  bool may_be_null = false;
  for (const auto& row : columns.rows) {
    const std::string& name = row.at(0).value_or("");
    table.has_rowid &= LowerName(name) != "rowid";
    if (row.at(2) == "0") continue;
    table.key.push_back(name);
    may_be_null |= row.at(3) == "0";
  }
  // Where no index holds it, it is the number of the row, and never NULL.
  const auto indexed =
      session.Query("SELECT 1 FROM pragma_index_list($1) WHERE origin = 'pk'", {table.name});
  table.key_has_null = may_be_null && !indexed.rows.empty();
  return table;
}

Moves FindMoves(sql::Session& session, const CapturePlan& plan) {
  const std::string& table = plan.schema->table.name;
  Moves moves;
  const auto columns = session.Query(
      "SELECT name, dflt_value, pk, \"notnull\" FROM pragma_table_xinfo($1)", {table});
  for (const auto& row : columns.rows) {
    if (row.at(0) != InsertColumn(plan)) continue;
    const auto words = SqlWords(row.at(1).value_or(""), kSqliteWords);
    moves.by_default = GivesSqliteTime(words);
    moves.local_time = IsLocalTime(words);
  }
  const SqliteTable described = TableOf(columns, session, plan);
  // A trigger does not fire for what it has others do. Those of other tables fire for what this
  // one's do.
  const auto triggers = session.Query(
      "SELECT name, sql, tbl_name = $1 COLLATE NOCASE FROM sqlite_schema WHERE type = 'trigger' "
      "ORDER BY name",
      {table});
  bool unguarded = false;
  std::string writer, comes_back;
  for (const auto& row : triggers.rows) {
    const std::string& name = row.at(0).value_or("");
    const SqliteMove move = MoveOf(row.at(1).value_or(""), described);
    if (row.at(2) != "1") {
      if (move.writes_table) comes_back = name;
      continue;
    }
    moves.on_update |= move.on_update;
    moves.on_insert |= move.on_insert;
    moves.counted |= move.counted;
    moves.local_time |= move.local_time;
    unguarded |= move.on_update && !move.guarded;
    if (move.other) moves.other = name;
    if (move.writes) writer = name;
    if (move.ignores || (move.writes_table && !move.counted && !move.other)) moves.hinders = name;
  }
  moves.guarded = moves.on_update && !unguarded;
  if (!writer.empty() && !comes_back.empty()) moves.hinders = comes_back;
  return moves;
}

// In which forms the cursor's values are, in a sample of the rows.
StampForms TakeSample(sql::Session& session, const CapturePlan& plan) {
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

std::string StampTrigger(const CapturePlan& plan, std::string_view event) {
  std::vector<std::string> same_row;
  for (const std::string& column : plan.key_columns()) {
    same_row.push_back(fmt::format("{0} IS NEW.{0}", sql::Quote(column).text()));
  }
  const std::string table = sql::Quote(plan.schema->table.name).ToString();
  return fmt::format(
      "CREATE TRIGGER {} AFTER {} ON {} BEGIN UPDATE {} SET {} = "
      "strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE {}; END",
      sql::Quote(plan.schema->table.name + (event == "INSERT" ? "_stamp_insert" : "_stamp")).text(),
      event, table, table, sql::Quote(UpdateColumn(plan)).text(), fmt::join(same_row, " AND "));
}

std::string Remedy(const CapturePlan& plan, const Moves& moves) {
  std::vector<std::string> remedies;
  if (!moves.other.empty()) {
    remedies.push_back(
        fmt::format("have trigger {} leave column {} as it is", moves.other, UpdateColumn(plan)));
  }
  if (!moves.hinders.empty()) {
    remedies.push_back(fmt::format("have trigger {} neither RAISE(IGNORE) nor write table {}",
                                   moves.hinders, plan.schema->table.name));
  }
  if (!moves.on_update) remedies.push_back("run: " + StampTrigger(plan, "UPDATE"));
  if (moves.guarded) remedies.push_back("leave WHEN out of the trigger that stamps updates");
  if (!moves.on_insert) remedies.push_back("run: " + StampTrigger(plan, "INSERT"));
  if (moves.counted) remedies.push_back("poll by a time in ISO form that triggers set");
  return fmt::format("{}", fmt::join(remedies, "; and "));
}

// Why the database does not always move it itself.
std::string WhereProgramsMove(const CapturePlan& plan, const Moves& moves) {
  const std::string& column = UpdateColumn(plan);
  if (!moves.other.empty()) {
    return fmt::format("as long as what trigger {} gives column {} is the time of the change",
                       moves.other, column);
  }
  if (moves.always() && moves.counted) {
    return fmt::format("as long as the row with the highest number in column {} is not deleted",
                       column);
  }
  if (!moves.hinders.empty()) {
    return fmt::format(
        "as long as trigger {} does not keep others from giving column {} the time of the change",
        moves.hinders, column);
  }
  if (moves.on_update && (moves.on_insert || moves.by_default)) {
    return fmt::format(
        "as long as {} that sets column {} itself gives it the time, in UTC and within 2 s of the "
        "clock: one that brings an older stamp is missed",
        moves.on_insert ? "an update"
        : moves.guarded ? "a change"
                        : "an insert",
        column);
  }
  return fmt::format("where programs set column {}, in UTC and within 2 s of the clock{}", column,
                     moves.on_update ? ""
                                     : ", as long as every update does: no trigger of the table "
                                       "moves it");
}

// A column of numbers that are no moments, or of which there is no row yet.
bool HoldsNumbers(sql::Session& session, const CapturePlan& plan, const StampForms& forms) {
  if (forms.empty()) {
    const Type type = plan.schema->columns[plan.schema->cursor].type;
    return type == Type::kInt || type == Type::kDouble;
  }
  const auto texts = session.Query(sql::Format("SELECT 1 FROM {} WHERE typeof({}) = 'text' LIMIT 1",
                                               plan.from(), plan.cursor_sql()));
  return texts.rows.empty();
}

Guarantee ClassifyNumbers(sql::Session& session, const CapturePlan& plan, const Moves& moves) {
  if (LooksLikeARowsOwnCounter(session, plan)) return OwnCounter(UpdateColumn(plan));
  if (moves.always() && !moves.counted) {
    return {GuaranteeClass::kExact, "for numbers that triggers of the database set", ""};
  }
  if (moves.always() || (moves.on_update && !moves.hinders.empty() && moves.other.empty())) {
    return {GuaranteeClass::kBounded, WhereProgramsMove(plan, moves),
            "poll by a time in ISO form that triggers set"};
  }
  if (moves.on_update && moves.by_default && moves.other.empty()) {
    return {GuaranteeClass::kBounded,
            fmt::format("as long as nothing sets column {} itself to an older number",
                        UpdateColumn(plan)),
            "let triggers set it after every insert and update"};
  }
  return {GuaranteeClass::kBestEffort,
          fmt::format("column {} holds numbers that {}: an update or an insert that sets no higher "
                      "one is missed",
                      UpdateColumn(plan),
                      !moves.other.empty() ? "trigger " + moves.other + " sets to others"
                      : moves.on_update    ? "no default sets in an insert"
                      : moves.by_default   ? "no trigger moves in an update"
                                           : "programs set"),
          "poll by a time in ISO form that triggers set"};
}

// Of moments.
Guarantee ClassifyMoments(const CapturePlan& plan, const Moves& moves, const StampForms& forms) {
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
  if (moves.always() && !moves.counted && one_form) {
    return {GuaranteeClass::kExact, "triggers of the database set it in every insert and update",
            ""};
  }
  std::string reason, remedy;
  if (!moves.always() || moves.counted) {
    reason = WhereProgramsMove(plan, moves);
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

Guarantee ClassifySqlite(sql::Session& session, const CapturePlan& plan) {
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
