#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "capture/classify.h"
#include "capture/moved_column.h"
#include "capture/sql_words.h"
#include "engine/sql/dialect.h"

namespace syncline::capture {
namespace {

// What the relation is: its kind, whether it is a view of which a row is one row of one table, and
// whether the server is a standby.
constexpr char kFactsSql[] = R"(
  SELECT c.relkind, pg_is_in_recovery(),
         c.relkind = 'v' AND pg_relation_is_updatable(c.oid, false) & 12 = 12
           AND pg_column_is_updatable(c.oid, a.attnum, false)
           AND (SELECT count(*) FROM pg_rewrite r WHERE r.ev_class = c.oid) = 1
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $2
  WHERE c.oid = $1::regclass)";

// Sequences that a column draws from, by its default or as an identity column.
constexpr char kSequencesSql[] = R"(
  SELECT s.seqcache, s.seqincrement, s.seqcycle,
         pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(q.relname)
  FROM pg_sequence s JOIN pg_class q ON q.oid = s.seqrelid
  JOIN pg_namespace n ON n.oid = q.relnamespace
  JOIN pg_attribute c ON c.attrelid = $1::regclass AND c.attname = $2
  WHERE s.seqrelid IN (
    SELECT d.refobjid FROM pg_depend d
    JOIN pg_attrdef a ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid
    WHERE a.adrelid = c.attrelid AND a.adnum = c.attnum AND d.refclassid = 'pg_class'::regclass
    UNION ALL
    SELECT d.objid FROM pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
      AND d.deptype = 'i' AND d.refobjid = c.attrelid AND d.refobjsubid = c.attnum))";

constexpr char kDefaultSql[] = R"(
  SELECT pg_get_expr(a.adbin, a.adrelid)
  FROM pg_attrdef a JOIN pg_attribute c ON c.attrelid = a.adrelid AND c.attnum = a.adnum
  WHERE a.adrelid = $1::regclass AND c.attname = $2 AND c.attgenerated = '')";

// Row triggers before inserts or updates: bits 1, 2, 4 and 16 of pg_trigger.tgtype. One that is
// for some columns only, or fires only where changes are replicated, does not count.
constexpr char kTriggersSql[] = R"(
  SELECT t.tgtype & 4 <> 0, t.tgtype & 16 <> 0, l.lanname, p.proname, p.prosrc,
         pg_get_triggerdef(t.oid), encode(t.tgargs, 'escape')
  FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_language l ON l.oid = p.prolang
  WHERE t.tgrelid = $1::regclass AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
    AND t.tgtype & 3 = 3 AND cardinality(t.tgattr::int2[]) = 0)";

// What the database itself does to the cursor.
struct Moves {
  bool on_insert = false;
  bool on_update = false;
};

// The function of the contrib module of that name stamps its argument.
bool IsModdatetime(const std::string& function, const std::string& arguments,
                   const std::string& column) {
  return function == "moddatetime" && arguments == column + "\\000";
}

Moves FindMoves(sql::Session& session, const TablePlan& plan, Stamp stamp) {
  const std::string table = sql::Quote(plan.schema->table).ToString();
  Moves moves;
  for (const auto& row : session.Query(kDefaultSql, {table, InsertColumn(plan)}).rows) {
    moves.on_insert |= GivesStamp(SqlWords(row.at(0).value_or("")), stamp);
  }
  for (const auto& row : session.Query(kTriggersSql, {table}).rows) {
    if (!FiresForEveryChange(row.at(5).value_or(""))) continue;
    const std::string& text = row.at(4).value_or("");
    const bool plpgsql = row.at(2) == "plpgsql";
    const auto moved = [&](const std::string& column) {
      if (plpgsql) return FunctionMoves(text, column, stamp);
      return stamp == Stamp::kMoment &&
             IsModdatetime(row.at(3).value_or(""), row.at(6).value_or(""), column);
    };
    if (row.at(1) == "t") moves.on_update |= moved(UpdateColumn(plan));
  }
  return moves;
}

std::optional<Guarantee> ClassifySequences(sql::Session& session, const TablePlan& plan) {
  const std::string& cursor = InsertColumn(plan);
  const auto sequences =
      session.Query(kSequencesSql, {sql::Quote(plan.schema->table).ToString(), cursor});
  if (sequences.rows.empty()) {
    if (LooksLikeARowsOwnCounter(session, plan)) return OwnCounter(cursor);
    return Guarantee{GuaranteeClass::kBestEffort,
                     fmt::format("column {} has no sequence as its default", cursor),
                     "exact only if every insert and update draws it from one sequence; a counter "
                     "of each row's own loses changes: poll by a timestamp instead"};
  }
  for (const auto& row : sequences.rows) {
    std::vector<std::string> reasons, remedies;
    if (row.at(0) != "1") {
      reasons.push_back("each session keeps numbers for later (CACHE)");
      remedies.push_back("CACHE 1");
    }
    if (row.at(1)->starts_with('-')) {
      reasons.push_back("it counts down");
      remedies.push_back("INCREMENT 1");
    }
    if (row.at(2) == "t") {
      reasons.push_back("it begins again at its lowest number (CYCLE)");
      remedies.push_back("NO CYCLE");
    }
    if (reasons.empty()) continue;
    return Guarantee{
        GuaranteeClass::kBestEffort,
        fmt::format("the sequence of column {} hands out numbers out of order: {}", cursor,
                    fmt::join(reasons, ", ")),
        fmt::format("run: ALTER SEQUENCE {} {}", *row.at(3), fmt::join(remedies, " "))};
  }
  return {};
}

Guarantee ClassifyVersion(sql::Session& session, const TablePlan& plan) {
  if (auto sequences = ClassifySequences(session, plan)) return *std::move(sequences);
  if (FindMoves(session, plan, Stamp::kSequence).on_update) {
    return {GuaranteeClass::kExact, "a version from a sequence without cache", ""};
  }
  return {GuaranteeClass::kBestEffort,
          fmt::format("an insert draws column {} from its sequence, but nothing does in an update: "
                      "one that leaves it as it is is missed",
                      UpdateColumn(plan)),
          fmt::format("give the table a trigger before updates that sets NEW.{} := nextval(..)",
                      UpdateColumn(plan))};
}

Guarantee ClassifyTransactionIds(sql::Session& session, const TablePlan& plan) {
  const Moves moves = FindMoves(session, plan, Stamp::kTransaction);
  if (moves.on_insert && moves.on_update) {
    return {GuaranteeClass::kExact, "every insert and update sets it to the transaction's id", ""};
  }
  return {
      GuaranteeClass::kBestEffort,
      fmt::format("exact only as far as {} to pg_current_xact_id(): the database does not",
                  moves.on_insert   ? "every update sets it"
                  : moves.on_update ? "every insert sets it"
                                    : "every insert and update sets it"),
      fmt::format("run: ALTER TABLE {} ALTER {} SET DEFAULT pg_current_xact_id(); and give it a "
                  "trigger before updates that sets NEW.{} := pg_current_xact_id()",
                  sql::Quote(plan.schema->table).text(), sql::Quote(InsertColumn(plan)).text(),
                  UpdateColumn(plan))};
}

std::string MomentRemedy(const TablePlan& plan, const Moves& moves) {
  std::string remedy;
  if (!moves.on_insert) {
    remedy =
        fmt::format("run: ALTER TABLE {} ALTER {} SET DEFAULT now()",
                    sql::Quote(plan.schema->table).text(), sql::Quote(InsertColumn(plan)).text());
  }
  if (!moves.on_update) {
    remedy += fmt::format("{}give the table a trigger before updates that sets NEW.{} := now()",
                          remedy.empty() ? "" : "; and ", UpdateColumn(plan));
  }
  return remedy;
}

Guarantee ClassifyMoment(sql::Session& session, const TablePlan& plan) {
  const Moves moves = FindMoves(session, plan, Stamp::kMoment);
  if (!moves.on_update && IsCreationName(UpdateColumn(plan))) {
    return {
        GuaranteeClass::kBestEffort,
        fmt::format("column {} looks like the time at which a row was made, and nothing in the "
                    "database moves it in an update: updates are missed",
                    UpdateColumn(plan)),
        fmt::format("poll by a column that every update moves, or {}", MomentRemedy(plan, moves))};
  }
  const bool has_zone = plan.cursor_kind == CursorKind::kTimestampTz;
  if (moves.on_insert && moves.on_update && has_zone) {
    return {GuaranteeClass::kExact, "as long as the database sets the cursor column", ""};
  }
  std::string reason, remedy;
  if (!moves.on_insert || !moves.on_update) {
    reason = fmt::format(
        "where applications set column {}, within 2 s of the server's clock{}", UpdateColumn(plan),
        moves.on_update ? "" : ", as long as every update does: nothing in the database moves it");
    remedy = MomentRemedy(plan, moves);
  }
  if (!has_zone) {
    reason += fmt::format(
        "{}local time, as long as every session that writes has the same time "
        "zone",
        reason.empty() ? "" : "; ");
    remedy += fmt::format("{}make the column a timestamptz", remedy.empty() ? "" : "; and ");
  }
  return {GuaranteeClass::kBounded, std::move(reason), std::move(remedy)};
}

}  // namespace

Guarantee ClassifyPostgres(sql::Session& session, const TablePlan& plan) {
  const auto facts =
      session.Query(kFactsSql, {sql::Quote(plan.schema->table).ToString(), UpdateColumn(plan)})
          .rows.at(0);
  if (facts.at(0) == "m") {
    return {GuaranteeClass::kBestEffort,
            "a materialized view: what a REFRESH brings may carry stamps that polls have passed",
            "capture the tables that it is made of"};
  }
  if (plan.table_kind == sql::TableInfo::Kind::kForeign || plan.reach.foreign_tables) {
    return {GuaranteeClass::kBestEffort,
            "this server does not show the foreign server's transactions",
            "capture from the server that holds the table"};
  }
  if (auto key = ClassifyKey(plan)) return *std::move(key);
  if (facts.at(0) == "v" && facts.at(2) != "t") {
    return {GuaranteeClass::kBestEffort,
            fmt::format("a view in which a row is made of several: what changes in those that do "
                        "not bring column {} is missed",
                        UpdateColumn(plan)),
            "capture the tables that it is made of"};
  }
  if (facts.at(1) == "t" && plan.cursor_kind != CursorKind::kXid) {
    return {GuaranteeClass::kBestEffort, "the source is a standby", "capture from the primary"};
  }
  if (facts.at(0) == "v") {
    return {GuaranteeClass::kBounded,
            "a view of one table: as long as what is beneath it moves the cursor column, also for "
            "rows that its condition lets in",
            "capture the table beneath it, with where:"};
  }
  if (plan.cursor_kind == CursorKind::kXid) return ClassifyTransactionIds(session, plan);
  if (plan.cursor_kind == CursorKind::kInteger) return ClassifyVersion(session, plan);
  return ClassifyMoment(session, plan);
}

}  // namespace syncline::capture
