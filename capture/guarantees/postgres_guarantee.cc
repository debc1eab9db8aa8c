#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "capture/guarantees/classify.h"
#include "capture/guarantees/moved_column.h"
#include "capture/guarantees/postgres_moves.h"
#include "capture/guarantees/stamped_column.h"
#include "engine/sql/dialect.h"
#include "engine/sql/planned_query.h"

namespace syncline::capture {
namespace {

// What the relation is: its kind, whether it is a view of which a row is one row of one table, and
// whether the server is a standby.
constexpr char kRelationSql[] = R"(
  SELECT c.relkind, pg_is_in_recovery(),
         c.relkind = 'v' AND pg_relation_is_updatable(c.oid, false) & 12 = 12
           AND pg_column_is_updatable(c.oid, a.attnum, false)
           AND (SELECT count(*) FROM pg_rewrite r WHERE r.ev_class = c.oid) = 1
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $2
  WHERE c.oid = $1::regclass)";

// Sequences that a column draws from, by its default or as an identity column.
constexpr char kSequencesSql[] = R"(
  SELECT s.seqcache, s.seqincrement, s.seqcycle,
         pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(q.relname),
         CASE WHEN (SELECT count(*) FROM pg_class o WHERE o.relname = q.relname) = 1
              THEN pg_catalog.quote_ident(q.relname) END
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

std::optional<Guarantee> ClassifySequences(sql::Session& session, const CapturePlan& plan,
                                           const sql::ResultSet& sequences) {
  const std::string& cursor = InsertColumn(plan);
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

std::vector<std::string> Filled(const std::vector<std::string>& list) {
  std::vector<std::string> filled;
  for (const std::string& text : list) {
    if (!text.empty()) filled.push_back(text);
  }
  return filled;
}

// What a column is moved to, in words.
struct Meaning {
  std::string_view what;   // "the time of the change"
  std::string_view value;  // as a trigger sets it
};

// The trigger that would have to be there.
std::string TriggerRemedy(const CapturePlan& plan, const PostgresMoves& moves,
                          const Meaning& meaning) {
  const std::string value =
      fmt::format("{}{}", moves.has_others ? "pg_catalog." : "", meaning.value);
  std::vector<std::string> events, others, remedies;
  const auto add = [&](const PostgresMoves::Effect& effect, const char* event) {
    if (effect.touch == Touch::kStamps) return;
    if (effect.touch == Touch::kStampsChanged) {
      remedies.push_back(
          fmt::format("have trigger {} stamp every update; or give it WHEN (OLD.* *<> NEW.*) as "
                      "its only condition, and a name that makes it the last one",
                      effect.trigger));
      return;
    }
    if (effect.touch < Touch::kOther) return events.push_back(event);
    if (std::ranges::find(others, effect.trigger) == others.end()) {
      others.push_back(effect.trigger);
    }
  };
  add(moves.on_insert, "inserts");
  add(moves.on_update, "updates");
  if (!events.empty()) {
    remedies.push_back(fmt::format("give the table a trigger before {} that sets NEW.{} := {}",
                                   fmt::join(events, " and "), UpdateColumn(plan), value));
  }
  for (const std::string& other : others) {
    remedies.push_back(
        fmt::format("have trigger {} do nothing but set NEW.{} := {}, or leave the column as it is",
                    other, UpdateColumn(plan), value));
  }
  if (!moves.quiet_roles.empty()) {
    remedies.push_back(fmt::format("run: ALTER TABLE {} ENABLE ALWAYS TRIGGER, with its name",
                                   sql::Quote(plan.schema->table).text()));
  }
  return fmt::format("{}", fmt::join(remedies, "; and "));
}

// What spoils every class: what is written passes the stamps by.
std::optional<Guarantee> ClassifySpoilt(const CapturePlan& plan, const PostgresMoves& moves,
                                        const Meaning& meaning) {
  if (moves.is_subscribed) {
    return Guarantee{
        GuaranteeClass::kBestEffort,
        fmt::format("a subscription fills the table: column {} has what the publisher gave it, "
                    "which comes late, and triggers do not fire for it unless they are ENABLE "
                    "ALWAYS",
                    UpdateColumn(plan)),
        fmt::format("capture from the publisher; or give the table a trigger before inserts and "
                    "updates that sets NEW.{} := {}, and run: ALTER TABLE {} ENABLE ALWAYS "
                    "TRIGGER, with its name",
                    UpdateColumn(plan), meaning.value, sql::Quote(plan.schema->table).text())};
  }
  for (const PostgresMoves::Effect* effect : {&moves.on_update, &moves.on_insert}) {
    if (effect->touch != Touch::kTakesBack) continue;
    return Guarantee{
        GuaranteeClass::kBestEffort,
        fmt::format("trigger {} may set column {} back to the value that it had: such a change is "
                    "missed (triggers fire in the order of their names)",
                    effect->trigger, UpdateColumn(plan)),
        TriggerRemedy(plan, moves, meaning)};
  }
  return {};
}

// What has to be kept for a table whose triggers do not see to everything; empty: nothing.
std::string PromiseOf(const CapturePlan& plan, const PostgresMoves& moves, const Meaning& meaning) {
  std::vector<std::string> promises;
  const auto& [insert, update] = std::pair(moves.on_insert, moves.on_update);
  for (const PostgresMoves::Effect& effect : {update, insert}) {
    if (effect.touch != Touch::kOther) continue;
    promises.push_back(
        fmt::format("what trigger {} gives column {} is {}, which its text alone does not tell",
                    effect.trigger, UpdateColumn(plan), meaning.what));
    break;
  }
  if (update.touch == Touch::kStampsChanged) {
    promises.push_back(fmt::format(
        "an update changes the row in the eyes of trigger {}, which stamps only then: it takes "
        "values that are stored in other ways for equal (1.0 and 1.00, 1 month and 30 days, a "
        "citext's a and A), and does not see what triggers after it change",
        update.trigger));
  }
  if (promises.empty() && insert.touch != Touch::kStamps && moves.by_default) {
    promises.push_back(fmt::format(
        "inserts leave column {} to its default: a row that brings an older value of its own, as "
        "from a dump, is missed",
        InsertColumn(plan)));
  }
  if (!moves.quiet_roles.empty()) {
    promises.push_back(fmt::format(
        "{}, whose session_replication_role is replica so that triggers do not fire, gives column "
        "{} {}",
        moves.quiet_roles, UpdateColumn(plan), meaning.what));
  }
  if (promises.empty()) return "";
  return fmt::format("as long as {}", fmt::join(promises, "; and as "));
}

Guarantee ClassifyVersion(sql::Session& session, const TriggerFacts& facts,
                          const CapturePlan& plan) {
  const auto sequences = sql::QueryPlanned(
      session, kSequencesSql, {sql::Quote(plan.schema->table).ToString(), InsertColumn(plan)});
  if (auto problem = ClassifySequences(session, plan, sequences)) return *std::move(problem);
  const auto& first = sequences.rows.at(0);
  std::vector<std::string> names = {first.at(3).value_or("")};
  if (first.at(4)) names.push_back(*first.at(4));
  PostgresMoves moves = FindMoves(session, facts, plan, {Stamp::kSequence, std::move(names)});
  moves.by_default = true;
  const std::string value = fmt::format("nextval('{}')", first.at(3).value_or(""));
  const Meaning meaning{"the next number of its sequence", value};
  if (auto spoilt = ClassifySpoilt(plan, moves, meaning)) return *std::move(spoilt);
  if (moves.always())
    return {GuaranteeClass::kExact,
            "a version from a sequence without cache, as long as nobody sets the sequence back",
            ""};
  const std::string remedy = TriggerRemedy(plan, moves, meaning);
  if (!moves.never()) return {GuaranteeClass::kBounded, PromiseOf(plan, moves, meaning), remedy};
  return {GuaranteeClass::kBestEffort,
          fmt::format("an insert draws column {} from its sequence, but nothing does in an update: "
                      "one that leaves it as it is is missed",
                      UpdateColumn(plan)),
          remedy};
}

Guarantee ClassifyTransactionIds(sql::Session& session, const TriggerFacts& facts,
                                 const CapturePlan& plan) {
  const PostgresMoves moves = FindMoves(session, facts, plan, Stamp::kTransaction);
  const Meaning meaning{"the transaction's id", "pg_current_xact_id()"};
  if (auto spoilt = ClassifySpoilt(plan, moves, meaning)) return *std::move(spoilt);
  if (moves.always()) {
    return {GuaranteeClass::kExact, "every insert and update sets it to the transaction's id", ""};
  }
  const std::string remedy = TriggerRemedy(plan, moves, meaning);
  const std::string promise = PromiseOf(plan, moves, meaning);
  if (!moves.never() && !promise.empty()) return {GuaranteeClass::kBounded, promise, remedy};
  const bool on_insert = moves.by_default || moves.on_insert.touch == Touch::kStamps;
  return {GuaranteeClass::kBestEffort,
          fmt::format("exact only as far as {} to pg_current_xact_id(): the database does not",
                      on_insert        ? "every update sets it"
                      : !moves.never() ? "every insert sets it"
                                       : "every insert and update sets it"),
          remedy};
}

Guarantee ClassifyMoment(sql::Session& session, const TriggerFacts& facts,
                         const CapturePlan& plan) {
  const bool has_zone = plan.cursor_kind == CursorKind::kTimestampTz;
  const PostgresMoves moves =
      FindMoves(session, facts, plan,
                has_zone                                ? Stamp::kMoment
                : plan.cursor_kind == CursorKind::kDate ? Stamp::kDay
                                                        : Stamp::kLocalTime);
  const Meaning meaning{"the time of the change", "now()"};
  if (auto spoilt = ClassifySpoilt(plan, moves, meaning)) return *std::move(spoilt);
  const std::string trigger = TriggerRemedy(plan, moves, meaning);
  if (moves.never() && IsCreationName(UpdateColumn(plan))) {
    return {GuaranteeClass::kBestEffort,
            fmt::format("column {} looks like the time at which a row was made, and nothing in the "
                        "database moves it in an update: updates are missed",
                        UpdateColumn(plan)),
            fmt::format("poll by a column that every update moves, or {}", trigger)};
  }
  if (moves.always() && has_zone) {
    return {GuaranteeClass::kExact,
            "the database sets the cursor column in every insert and update", ""};
  }
  std::string reason = moves.never() ? "" : PromiseOf(plan, moves, meaning);
  if (reason.empty() && !moves.always()) {
    reason = fmt::format(
        "where applications set column {}, within 2 s of the server's clock{}", UpdateColumn(plan),
        moves.never() ? ", as long as every update does: nothing in the database moves it" : "");
  }
  std::string zone_reason, zone_remedy;
  if (!has_zone) {
    zone_reason = "local time, as long as every session that writes has the same time zone";
    zone_remedy = "make the column a timestamptz";
  }
  return {GuaranteeClass::kBounded,
          fmt::format("{}", fmt::join(Filled({reason, zone_reason}), "; ")),
          fmt::format("{}", fmt::join(Filled({trigger, zone_remedy}), "; and "))};
}

}  // namespace

Guarantee ClassifyPostgres(sql::Session& session, const TriggerFacts& facts,
                           const CapturePlan& plan) {
  if (plan.cursor_kind == CursorKind::kXmin) {
    return {GuaranteeClass::kExact,
            "each row has the id of the transaction that wrote it (xmin): no column is needed, and "
            "a poll reads the whole table once anything was committed",
            ""};
  }
  const auto relation =
      sql::QueryPlanned(session, kRelationSql,
                        {sql::Quote(plan.schema->table).ToString(), UpdateColumn(plan)})
          .rows.at(0);
  if (relation.at(0) == "m") {
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
  if (relation.at(0) == "v" && relation.at(2) != "t") {
    return {GuaranteeClass::kBestEffort,
            fmt::format("a view in which a row is made of several: what changes in those that do "
                        "not bring column {} is missed",
                        UpdateColumn(plan)),
            "capture the tables that it is made of"};
  }
  if (relation.at(1) == "t" && plan.cursor_kind != CursorKind::kXid) {
    return {GuaranteeClass::kBestEffort, "the source is a standby", "capture from the primary"};
  }
  if (relation.at(0) == "v") {
    return {GuaranteeClass::kBounded,
            "a view of one table: as long as what is beneath it moves the cursor column, also for "
            "rows that its condition lets in",
            "capture the table beneath it, with where:"};
  }
  if (plan.cursor_kind == CursorKind::kXid) return ClassifyTransactionIds(session, facts, plan);
  if (plan.cursor_kind == CursorKind::kInteger) return ClassifyVersion(session, facts, plan);
  return ClassifyMoment(session, facts, plan);
}

}  // namespace syncline::capture
