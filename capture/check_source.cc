#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "capture/capture_stage.h"
#include "capture/reconciliation.h"
#include "capture/table_plan.h"
#include "capture/tombstones.h"
#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "engine/sql/session.h"

namespace syncline::capture {
namespace {

using Level = Finding::Level;

// Sequences that a column draws from, by its default or as an identity column.
constexpr std::string_view kSequencesSql = R"(
  SELECT s.seqcache, s.seqincrement FROM pg_sequence s
  JOIN pg_attribute c ON c.attrelid = $1::regclass AND c.attname = $2
  WHERE s.seqrelid IN (
    SELECT d.refobjid FROM pg_depend d
    JOIN pg_attrdef a ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid
    WHERE a.adrelid = c.attrelid AND a.adnum = c.attnum AND d.refclassid = 'pg_class'::regclass
    UNION ALL
    SELECT d.objid FROM pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
      AND d.deptype = 'i' AND d.refobjid = c.attrelid AND d.refobjsubid = c.attnum))";

// A row trigger that runs before updates: bits 1, 2 and 16 of pg_trigger.tgtype.
constexpr std::string_view kTriggerSql = R"(
  SELECT 1 FROM pg_trigger
  WHERE tgrelid = $1::regclass AND NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 19 = 19
  LIMIT 1)";

// Looks at one source; collects what it finds.
class SourceCheck {
 public:
  SourceCheck(const sql::DatabaseUrl& url, std::vector<Finding>& findings)
      : url_(url), findings_(findings) {}

  void Run(const std::vector<TableSpec>& tables) {
    if (!Connect()) return;
    for (const TableSpec& table : tables) {
      Guard(table.table.ToString(), [&] { CheckTable(table); });
    }
  }

 private:
  template <typename Body>
  bool Guard(const std::string& subject, Body&& body) {
    try {
      body();
      return true;
    } catch (const Error& error) {
      findings_.push_back({Level::kFail, subject, error.message(), error.hint(), error.cause()});
      return false;
    }
  }

  void Add(Level level, std::string subject, std::string message, std::string hint = {}) {
    findings_.push_back({level, std::move(subject), std::move(message), std::move(hint)});
  }

  bool Connect() {
    return Guard(url_.display, [&] {
      session_ = sql::Session::Open(url_, {.read_only = true});
      Add(Level::kPass, url_.display, "reachable, " + session_->Identity());
      if (session_->dialect() == Dialect::kPostgres) CheckServer();
    });
  }

  void CheckServer() {
    const auto row = session_
                         ->Query(
                             "SELECT current_setting('server_version'), pg_is_in_recovery(), "
                             "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
                         .rows.at(0);
    const WallTime here = SystemClock().Now();
    const int64_t apart_ms = (std::stoll(*row.at(2)) - here.time_since_epoch().count()) / 1000;
    Add(Level::kPass, url_.display,
        fmt::format("PostgreSQL {}, its clock is {} ms {} this machine's", *row.at(0),
                    std::abs(apart_ms), apart_ms < 0 ? "behind" : "ahead of"));
    standby_ = row.at(1) == "t";
    if (!standby_) return;
    Add(Level::kWarn, url_.display,
        "a standby: it does not show the primary's running transactions",
        "capture from the primary; on a standby a row that commits late can be missed");
  }

  void CheckTable(const TableSpec& spec) {
    const TablePlan plan = PlanTable(*session_, spec);
    RefuseNullKeys(*session_, plan);
    const sql::TableInfo info = session_->Describe(spec.table).value();
    const std::string name = plan.name();
    const Column& cursor = plan.schema->columns[plan.schema->cursor];
    session_->Query(
        fmt::format("SELECT {} FROM {} WHERE false", plan.cursor_column(), sql::Quote(spec.table)));
    Add(Level::kPass, name,
        fmt::format("key ({}), cursor {} {}", fmt::join(plan.key_columns(), ", "), cursor.name,
                    cursor.native_type));
    CheckKey(plan, info);
    CheckIndex(plan, info);
    CheckNullCursors(plan);
    Guard(name, [&] { CheckDeletes(plan, spec.deletes); });
    if (session_->dialect() == Dialect::kSqlite) {
      Add(Level::kPass, name,
          "exact for stamps that SQLite makes; for ISO times that programs make, within 2 s");
    } else {
      CheckClass(plan, info);
    }
  }

  void CheckKey(const TablePlan& plan, const sql::TableInfo& info) {
    auto same = [&](std::vector<std::string> columns) {
      std::vector<std::string> key = plan.key_columns();
      std::ranges::sort(columns);
      std::ranges::sort(key);
      return columns == key;
    };
    if (same(info.primary_key) || std::ranges::any_of(info.unique_keys, same)) return;
    Add(Level::kWarn, plan.name(),
        fmt::format("nothing in the database keeps the key ({}) unique",
                    fmt::join(plan.key_columns(), ", ")),
        "rows that share a key overwrite each other on the target; add a unique index, or name "
        "other key columns");
  }

  void CheckIndex(const TablePlan& plan, const sql::TableInfo& info) {
    const std::string& cursor = plan.schema->columns[plan.schema->cursor].name;
    if (info.kind == sql::TableInfo::Kind::kView || info.kind == sql::TableInfo::Kind::kForeign) {
      return;
    }
    if (std::ranges::find(info.indexed, cursor) != info.indexed.end()) return;
    if (info.primary_key.size() == 1 && info.primary_key.front() == cursor) return;
    Add(Level::kWarn, plan.name(), fmt::format("no index begins with the cursor column {}", cursor),
        fmt::format("every poll reads the whole table; run: CREATE INDEX ON {} ({})",
                    sql::Quote(plan.schema->table), plan.cursor_column()));
  }

  void CheckNullCursors(const TablePlan& plan) {
    if (plan.null_cursor.empty()) return;
    const auto found = session_->Query(fmt::format(
        "SELECT 1 FROM {} WHERE {} LIMIT 1", sql::Quote(plan.schema->table), plan.null_cursor));
    if (found.rows.empty()) return;
    Add(Level::kWarn, plan.name(),
        fmt::format("there are rows whose cursor {} is NULL: they are not captured",
                    plan.cursor_column()),
        "set it on every row and make the column NOT NULL");
  }

  void CheckDeletes(const TablePlan& plan, const Deletes& deletes) {
    if (!deletes.flag.empty()) {
      return Add(Level::kPass, plan.name(),
                 fmt::format("deletions: rows in which {} is set", deletes.flag));
    }
    if (deletes.reconcile) {
      Add(Level::kPass, plan.name(),
          fmt::format("deletions: the log's keys are looked for every {} s, {}",
                      deletes.reconcile->every.count() / 1'000'000,
                      KeyIsHashed(plan) ? "by sums of key ranges" : "one by one"));
    }
    if (!deletes.tombstones) {
      if (!deletes.reconcile) Add(Level::kPass, plan.name(), "deletions are not captured");
      return;
    }
    const TombstoneState state = LookAtTombstones(*session_, DescribeTombstones(*session_, plan));
    if (!state.problem.empty()) {
      findings_.push_back({Level::kFail, plan.name(),
                           "deletions are not written down: " + state.problem,
                           "run: syncline prepare --apply", Cause::kEnvironment});
    } else if (!state.caution.empty()) {
      Add(Level::kWarn, plan.name(), "deletions are written down by triggers, but " + state.caution,
          "run: syncline prepare --apply");
    } else {
      Add(Level::kPass, plan.name(), "deletions are written down by triggers");
    }
  }

  void CheckClass(const TablePlan& plan, const sql::TableInfo& info) {
    if (plan.cursor_kind == CursorKind::kTimestamp || plan.cursor_kind == CursorKind::kDate) {
      const auto zone =
          session_->Query("SELECT reset_val FROM pg_settings WHERE name = 'TimeZone'").rows.at(0);
      Add(Level::kPass, plan.name(),
          fmt::format("the cursor has no zone: it is read as local time of {}", *zone.at(0)));
    }
    if (standby_) {
      return Add(Level::kWarn, plan.name(), "best-effort: the source is a standby",
                 "capture from the primary");
    }
    if (plan.table_kind == sql::TableInfo::Kind::kForeign) {
      return Add(Level::kWarn, plan.name(),
                 "best-effort: this server does not show the foreign server's transactions",
                 "capture from the server that holds the table");
    }
    if (plan.cursor_kind == CursorKind::kInteger) return CheckSequence(plan);
    const std::string& default_expression =
        info.Find(plan.schema->columns[plan.schema->cursor].name)->default_expression;
    const auto trigger =
        session_->Query(std::string(kTriggerSql), {sql::Quote(plan.schema->table)});
    if (!default_expression.empty() && !trigger.rows.empty()) {
      return Add(Level::kPass, plan.name(),
                 "exact, as long as the database sets the cursor column");
    }
    Add(Level::kPass, plan.name(),
        "exact where the database sets the cursor column; where applications set it, within 2 s of "
        "the server's clock");
  }

  void CheckSequence(const TablePlan& plan) {
    const std::string& cursor = plan.schema->columns[plan.schema->cursor].name;
    const auto sequences =
        session_->Query(std::string(kSequencesSql), {sql::Quote(plan.schema->table), cursor});
    if (sequences.rows.empty()) {
      return Add(Level::kWarn, plan.name(),
                 fmt::format("column {} has no sequence as its default", cursor),
                 "exact only if every insert and update draws it from one sequence; a counter of "
                 "each row's own loses changes: poll by a timestamp instead");
    }
    for (const auto& row : sequences.rows) {
      if (row.at(0) == "1" && !row.at(1)->starts_with('-')) continue;
      return Add(
          Level::kWarn, plan.name(),
          fmt::format("best-effort: the sequence of column {} hands out numbers out of order",
                      cursor),
          "give it CACHE 1 and a positive INCREMENT");
    }
    Add(Level::kPass, plan.name(), "exact: a version from a sequence without cache");
  }

  const sql::DatabaseUrl& url_;
  std::vector<Finding>& findings_;
  std::unique_ptr<sql::Session> session_;
  bool standby_ = false;
};

}  // namespace

std::vector<Finding> CheckSource(const sql::DatabaseUrl& source,
                                 const std::vector<TableSpec>& tables) {
  std::vector<Finding> findings;
  SourceCheck(source, findings).Run(tables);
  return findings;
}

}  // namespace syncline::capture
