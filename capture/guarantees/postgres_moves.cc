#include "capture/guarantees/postgres_moves.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "capture/guarantees/sql_words.h"
#include "capture/guarantees/stamped_column.h"
#include "engine/sql/dialect.h"
#include "engine/sql/planned_query.h"

namespace syncline::capture {
namespace {

constexpr char kDefaultSql[] = R"(
  SELECT pg_get_expr(a.adbin, a.adrelid)
  FROM pg_attrdef a JOIN pg_attribute c ON c.attrelid = a.adrelid AND c.attnum = a.adnum
  WHERE a.adrelid = $1::regclass AND c.attname = $2 AND c.attgenerated = '')";

// Row triggers before inserts or updates (bits 1, 2, 4 and 16 of pg_trigger.tgtype) of what holds
// the table's rows, in the order in which they fire. One row without a trigger for each table.
constexpr char kTriggersSql[] = R"(
  SELECT k.oid, t.tgname, t.tgname || ' of ' || k.oid::regclass, t.tgenabled,
         t.tgtype & 4 <> 0, t.tgtype & 16 <> 0, cardinality(t.tgattr::int2[]) = 0,
         l.lanname, p.proname, p.prosrc, pg_get_triggerdef(t.oid), encode(t.tgargs, 'escape'),
         EXISTS (SELECT FROM unnest(p.proconfig) AS s WHERE s NOT LIKE 'search\_path=%')
  FROM (SELECT c.oid FROM pg_class c WHERE c.oid = $1::regclass AND c.relkind <> 'p'
        UNION SELECT relid FROM pg_partition_tree($1::regclass) WHERE isleaf) AS k
  LEFT JOIN (pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
             JOIN pg_language l ON l.oid = p.prolang)
    ON t.tgrelid = k.oid AND t.tgtype & 3 = 3 AND t.tgtype & 20 <> 0 AND t.tgenabled <> 'D'
  ORDER BY k.oid, t.tgname)";

// Whether a stamp's name without a schema may be another one's than pg_catalog's; whether a
// subscription fills any table; and whose sessions begin without the triggers of everyday.
constexpr char kFactsSql[] = R"(
  SELECT EXISTS (SELECT FROM pg_proc
                 WHERE proname IN ('now', 'transaction_timestamp', 'statement_timestamp',
                                   'clock_timestamp', 'nextval', 'pg_current_xact_id',
                                   'txid_current')
                   AND pronamespace <> 'pg_catalog'::regnamespace)
      OR EXISTS (SELECT FROM pg_type
                 WHERE typname IN ('timestamptz', 'timestamp', 'date', 'int8', 'numeric', 'text',
                                   'xid8', 'regclass')
                   AND typtype <> 'c' AND typnamespace <> 'pg_catalog'::regnamespace),
         EXISTS (SELECT FROM pg_subscription_rel),
         (SELECT string_agg(DISTINCT who, ', ')
          FROM (SELECT coalesce(r.rolname, 'every role')
                FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole
                WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_database d
                                            WHERE d.datname = current_database()))
                  AND EXISTS (SELECT FROM unnest(s.setconfig) AS c
                              WHERE lower(c) = 'session_replication_role=replica')
                UNION ALL
                SELECT 'every session' FROM pg_settings
                WHERE name = 'session_replication_role'
                  AND 'replica' IN (setting, reset_val)) AS quiet(who)))";

// Whether a subscription writes without the triggers of everyday: to the table, to what it is a
// partition of or to its partitions.
constexpr char kSubscribedSql[] = R"(
  SELECT EXISTS (SELECT FROM pg_subscription_rel s
                 WHERE s.srrelid = $1::regclass
                    OR s.srrelid IN (SELECT relid FROM pg_partition_ancestors($1::regclass))
                    OR s.srrelid IN (SELECT relid FROM pg_partition_tree($1::regclass))))";

struct Trigger {
  std::string table, name;
  char enabled = 'O';  // 'A' always, 'R' where what is written is replicated, 'O' where it is not
  bool on_insert = false, on_update = false, any_column = false;
  std::string language, function, source, definition, arguments;
  bool is_set_up = false;  // its function has settings of its own, other than a search_path
};

std::vector<Trigger> FindTriggers(sql::Session& session, const std::string& table) {
  std::vector<Trigger> triggers;
  for (const auto& row : sql::QueryPlanned(session, kTriggersSql, {table}).rows) {
    const auto text = [&](size_t column) { return row.at(column).value_or(""); };
    triggers.push_back({.table = text(0),
                        .name = text(2),
                        .enabled = text(3).empty() ? 'D' : text(3)[0],
                        .on_insert = row.at(4) == "t",
                        .on_update = row.at(5) == "t",
                        .any_column = row.at(6) == "t",
                        .language = text(7),
                        .function = text(8),
                        .source = text(9),
                        .definition = text(10),
                        .arguments = text(11),
                        .is_set_up = row.at(12) == "t"});
  }
  return triggers;
}

// Of PostgreSQL's own functions and its contrib modules', whose arguments name what they set.
Touch CompiledTouch(const Trigger& trigger, const std::string& column, const Stamp& stamp) {
  const std::string& function = trigger.function;
  if (IsOneOf(function, {"suppress_redundant_updates_trigger", "lo_manage", "check_primary_key",
                         "check_foreign_key"})) {
    return Touch::kLeaves;
  }
  if (!IsOneOf(function, {"moddatetime", "tsvector_update_trigger", "autoinc", "insert_username",
                          "tsvector_update_trigger_column"})) {
    return Touch::kOther;
  }
  const std::string end = "\\000";
  const bool is_plain =
      std::ranges::all_of(column, [](char c) { return c >= ' ' && c <= '~' && c != '\\'; });
  if (!is_plain) return Touch::kOther;
  if (function == "moddatetime" && trigger.arguments == column + end) {
    const bool is_moment = stamp.kind != Stamp::kSequence && stamp.kind != Stamp::kTransaction;
    return is_moment ? Touch::kStamps : Touch::kOther;
  }
  return (end + trigger.arguments).find(end + column + end) == std::string::npos ? Touch::kLeaves
                                                                                 : Touch::kOther;
}

// `last`: no trigger after it can change the row.
Touch TouchOf(const Trigger& trigger, const std::string& column, const Stamp& stamp, RowEvent event,
              bool last) {
  const bool is_insert = event == RowEvent::kInsert;
  Touch touch = Touch::kOther;
  if (trigger.language == "plpgsql") {
    touch = FunctionTouch(trigger.source, column, stamp, event);
  } else if (trigger.language == "c" || trigger.language == "internal") {
    touch = CompiledTouch(trigger, column, stamp);
  }
  if (trigger.is_set_up && touch < Touch::kSeemsToLeave) return Touch::kOther;
  if (touch != Touch::kStamps && touch != Touch::kStampsChanged) return touch;
  const Fires fires = FiresWhen(trigger.definition, event);
  if (fires == Fires::kSometimes || (!is_insert && !trigger.any_column)) return Touch::kMayStamp;
  const bool always = fires == Fires::kAlways || (fires == Fires::kRowStored && last);
  return always ? touch : Touch::kStampsChanged;
}

// What two triggers, one after the other, do to it.
Touch Then(Touch before, Touch touch) {
  switch (touch) {
    case Touch::kStamps:
      return touch;
    case Touch::kStampsChanged:
      return before == Touch::kStamps || before >= Touch::kOther ? before : touch;
    case Touch::kMayStamp:
      return before == Touch::kLeaves ? touch : before;
    case Touch::kLeaves:
      return before;
    case Touch::kSeemsToLeave:  // what is stamped before it may not stay so
      return before <= Touch::kStampsChanged ? Touch::kOther : before;
    case Touch::kOther:
    case Touch::kTakesBack:
      return std::max(before, touch);
  }
  return Touch::kOther;
}

// In sessions in which the triggers of everyday fire, or, `replica`, those of what is replicated.
PostgresMoves::Effect EffectOf(const std::vector<Trigger>& triggers, const std::string& column,
                               const Stamp& stamp, RowEvent event, bool replica) {
  std::optional<PostgresMoves::Effect> worst;
  for (size_t i = 0; i < triggers.size();) {
    PostgresMoves::Effect effect;
    const std::string& table = triggers[i].table;
    std::vector<const Trigger*> fired;
    for (; i < triggers.size() && triggers[i].table == table; ++i) {
      const Trigger& trigger = triggers[i];
      const bool is_of_event = event == RowEvent::kInsert ? trigger.on_insert : trigger.on_update;
      const bool is_on = trigger.enabled == 'A' || trigger.enabled == (replica ? 'R' : 'O');
      if (is_of_event && is_on) fired.push_back(&trigger);
    }
    for (const Trigger* trigger : fired) {
      const Touch touch = TouchOf(*trigger, column, stamp, event, trigger == fired.back());
      const Touch after = Then(effect.touch, touch);
      if (after != effect.touch || touch == Touch::kStamps) effect = {after, trigger->name};
    }
    if (!worst || effect.touch > worst->touch) worst = effect;
  }
  return worst.value_or(PostgresMoves::Effect{});
}

}  // namespace

TriggerFacts TriggerFactsOf(sql::Session& session) {
  const auto facts = session.Query(kFactsSql).rows.at(0);
  return {.has_others = facts.at(0) == "t",
          .has_subscriptions = facts.at(1) == "t",
          .quiet_roles = facts.at(2).value_or("")};
}

PostgresMoves FindMoves(sql::Session& session, const TriggerFacts& facts, const CapturePlan& plan,
                        Stamp stamp) {
  const std::string table = sql::Quote(plan.schema->table).ToString();
  PostgresMoves moves;
  for (const auto& row :
       sql::QueryPlanned(session, kDefaultSql, {table, InsertColumn(plan)}).rows) {
    moves.by_default |= GivesStamp(SqlWords(row.at(0).value_or(""), kPostgresWords), stamp);
  }
  // What the catalogue gives as text says whose each name is, what a function's text does not.
  stamp.qualified = moves.has_others = facts.has_others;
  const std::vector<Trigger> triggers = FindTriggers(session, table);
  const auto effect = [&](RowEvent event, bool replica) {
    return EffectOf(triggers, UpdateColumn(plan), stamp, event, replica);
  };
  moves.on_insert = effect(RowEvent::kInsert, false);
  moves.on_update = effect(RowEvent::kUpdate, false);
  const bool stamped_there = effect(RowEvent::kInsert, true).touch == Touch::kStamps &&
                             effect(RowEvent::kUpdate, true).touch == Touch::kStamps;
  if (!stamped_there) {
    moves.is_subscribed =
        facts.has_subscriptions &&
        sql::QueryPlanned(session, kSubscribedSql, {table}).rows.at(0).at(0) == "t";
    moves.quiet_roles = facts.quiet_roles;
  }
  return moves;
}

}  // namespace syncline::capture
