#include "capture/postgres_moves.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "capture/classify.h"
#include "capture/sql_words.h"
#include "engine/sql/dialect.h"

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
         l.lanname, p.proname, p.prosrc, pg_get_triggerdef(t.oid), encode(t.tgargs, 'escape')
  FROM (SELECT c.oid FROM pg_class c WHERE c.oid = $1::regclass AND c.relkind <> 'p'
        UNION SELECT relid FROM pg_partition_tree($1::regclass) WHERE isleaf) AS k
  LEFT JOIN (pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
             JOIN pg_language l ON l.oid = p.prolang)
    ON t.tgrelid = k.oid AND t.tgtype & 3 = 3 AND t.tgtype & 20 <> 0 AND t.tgenabled <> 'D'
  ORDER BY k.oid, t.tgname)";

// Who writes without the triggers of everyday: a subscription, to the table, to what it is a
// partition of or to its partitions; and roles whose sessions begin so.
constexpr char kQuietSql[] = R"(
  SELECT EXISTS (SELECT FROM pg_subscription_rel s
                 WHERE s.srrelid = $1::regclass
                    OR s.srrelid IN (SELECT relid FROM pg_partition_ancestors($1::regclass))
                    OR s.srrelid IN (SELECT relid FROM pg_partition_tree($1::regclass))),
         (SELECT string_agg(coalesce(r.rolname, 'every role'), ', ' ORDER BY r.rolname)
          FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole
          WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_database d
                                      WHERE d.datname = current_database()))
            AND 'session_replication_role=replica' = ANY (s.setconfig)))";

struct Trigger {
  std::string table, name;
  char enabled = 'O';  // 'A' always, 'R' where what is written is replicated, 'O' where it is not
  bool on_insert = false, on_update = false, any_column = false;
  std::string language, function, source, definition, arguments;
};

std::vector<Trigger> FindTriggers(sql::Session& session, const std::string& table) {
  std::vector<Trigger> triggers;
  for (const auto& row : session.Query(kTriggersSql, {table}).rows) {
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
                        .arguments = text(11)});
  }
  return triggers;
}

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> list) {
  return std::ranges::find(list, word) != list.end();
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
  if (function == "moddatetime" && trigger.arguments == column + end) {
    const bool is_moment = stamp.kind != Stamp::kSequence && stamp.kind != Stamp::kTransaction;
    return is_moment ? Touch::kStamps : Touch::kOther;
  }
  return (end + trigger.arguments).find(end + column + end) == std::string::npos ? Touch::kLeaves
                                                                                 : Touch::kOther;
}

Touch TouchOf(const Trigger& trigger, const std::string& column, const Stamp& stamp,
              RowEvent event) {
  const bool is_insert = event == RowEvent::kInsert;
  if (is_insert ? !trigger.on_insert : !trigger.on_update) return Touch::kLeaves;
  Touch touch = Touch::kOther;
  if (trigger.language == "plpgsql") {
    touch = FunctionTouch(trigger.source, column, stamp, event);
  } else if (trigger.language == "c" || trigger.language == "internal") {
    touch = CompiledTouch(trigger, column, stamp);
  }
  const bool always =
      (is_insert || trigger.any_column) && FiresForEveryChange(trigger.definition, event);
  return touch == Touch::kStamps && !always ? Touch::kMayStamp : touch;
}

// In sessions in which the triggers of everyday fire, or, `replica`, those of what is replicated.
PostgresMoves::Effect EffectOf(const std::vector<Trigger>& triggers, const std::string& column,
                               const Stamp& stamp, RowEvent event, bool replica) {
  std::optional<PostgresMoves::Effect> worst;
  for (size_t i = 0; i < triggers.size();) {
    PostgresMoves::Effect effect;
    const std::string& table = triggers[i].table;
    for (; i < triggers.size() && triggers[i].table == table; ++i) {
      const Trigger& trigger = triggers[i];
      if (trigger.enabled != 'A' && trigger.enabled != (replica ? 'R' : 'O')) continue;
      const Touch touch = TouchOf(trigger, column, stamp, event);
      const bool counts = touch == Touch::kMayStamp ? effect.touch == Touch::kLeaves
                          : touch == Touch::kStamps
                              ? true
                              : touch > std::max(effect.touch, Touch::kLeaves);
      if (counts) effect = {touch, trigger.name};
    }
    if (!worst || effect.touch > worst->touch) worst = effect;
  }
  return worst.value_or(PostgresMoves::Effect{});
}

}  // namespace

PostgresMoves FindMoves(sql::Session& session, const TablePlan& plan, const Stamp& stamp) {
  const std::string table = sql::Quote(plan.schema->table).ToString();
  PostgresMoves moves;
  for (const auto& row : session.Query(kDefaultSql, {table, InsertColumn(plan)}).rows) {
    moves.by_default |= GivesStamp(SqlWords(row.at(0).value_or("")), stamp);
  }
  const std::vector<Trigger> triggers = FindTriggers(session, table);
  const auto effect = [&](RowEvent event, bool replica) {
    return EffectOf(triggers, UpdateColumn(plan), stamp, event, replica);
  };
  moves.on_insert = effect(RowEvent::kInsert, false);
  moves.on_update = effect(RowEvent::kUpdate, false);
  const auto quiet = session.Query(kQuietSql, {table}).rows.at(0);
  const bool stamped_there = effect(RowEvent::kInsert, true).touch == Touch::kStamps &&
                             effect(RowEvent::kUpdate, true).touch == Touch::kStamps;
  if (!stamped_there) {
    moves.is_subscribed = quiet.at(0) == "t";
    moves.quiet_roles = quiet.at(1).value_or("");
  }
  return moves;
}

}  // namespace syncline::capture
