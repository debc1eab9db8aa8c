#include "capture/check/check_source.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>
#include <string_view>

#include "capture/check/check_cost.h"
#include "capture/check/check_forms.h"
#include "capture/cursor/guarantee.h"
#include "capture/guarantees/classify.h"
#include "capture/horizon/transaction_ticks.h"
#include "capture/plan/capture_plan.h"
#include "capture/plan/deletes.h"
#include "capture/plan/known_kinds.h"
#include "capture/plan/table_spec.h"
#include "capture/plan/tombstones.h"
#include "capture/polling/reconciliation.h"
#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/session.h"
#include "engine/sql/time_zone.h"

namespace syncline::capture {
namespace {

using Level = CheckResult::Level;

// Beyond the margin of a poll.
constexpr int64_t kClocksApartMs = 2000;

// Looks at one source; collects what it finds.
class SourceCheck {
 public:
  SourceCheck(const sql::DatabaseUrl& url, const KnownKinds& known,
              std::vector<CheckResult>& findings)
      : url_(url), known_(known), findings_(findings) {}

  void Run(const std::vector<TableSpec>& tables) {
    if (!Connect()) return;
    for (const TableSpec& table : tables) captured_.insert(table.table);
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
      classifier_.emplace(*session_);
      Add(Level::kPass, url_.display, "reachable, " + session_->Identity());
      sql::ForDialect(url_.dialect, sql::IfPostgres{[this] { CheckServer(); }},
                      sql::IfSqlite{[] {}});
    });
  }

  void CheckServer() {
    const auto row = session_
                         ->Query(
                             "SELECT current_setting('server_version'), pg_is_in_recovery(), "
                             "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint, "
                             "current_setting('server_encoding')")
                         .rows.at(0);
    const WallTime here = SystemClock().Now();
    const int64_t apart_ms = (std::stoll(*row.at(2)) - here.time_since_epoch().count()) / 1000;
    Add(Level::kPass, url_.display,
        fmt::format("PostgreSQL {}, its clock is {} ms {} this machine's", *row.at(0),
                    std::abs(apart_ms), apart_ms < 0 ? "behind" : "ahead of"));
    if (row.at(3) == "SQL_ASCII") {
      Add(Level::kWarn, url_.display,
          "the database's encoding is SQL_ASCII: it may hold any bytes as text",
          "rows with text that is not UTF-8 stay at the source, and `syncline status` names them: "
          "mend "
          "them, or leave their column out with omit:");
    }
    if (std::abs(apart_ms) > kClocksApartMs) {
      Add(Level::kWarn, url_.display,
          fmt::format("the server's clock and this machine's are {} s apart",
                      std::abs(apart_ms) / 1000),
          "set both by NTP: stamps that applications make by a clock that is more than 2 s behind "
          "the "
          "server's are missed");
    }
    if (TimelineSql(*session_).empty()) {
      Add(Level::kWarn, url_.display,
          "this role may not ask for the WAL's timeline: a failover is noticed only by when the "
          "server's statistics began",
          "run: GRANT EXECUTE ON FUNCTION pg_walfile_name(pg_lsn) TO the role; or, after a "
          "failover, see `syncline verify`");
    }
    if (row.at(1) != "t") return;
    Add(Level::kWarn, url_.display,
        "a standby: it does not show the primary's running transactions",
        "capture from the primary, or with capture: xmin, or poll by an indexed xid8 column: by a "
        "time stamp, a row that commits late can be missed");
  }

  void CheckTable(const TableSpec& spec) {
    const CapturePlan plan = PlanTable(*session_, spec, known_);
    RefuseNullKeys(*session_, plan);
    const sql::TableInfo info = session_->Describe(spec.table).value();
    const std::string name = plan.name();
    CheckCursor(plan);
    CheckHeirs(plan);
    CheckKey(plan, info);
    CheckIndex(plan, info);
    CheckNullCursors(plan);
    if (auto found = CheckForms(*session_, plan)) findings_.push_back(*std::move(found));
    CheckPersistence(plan);
    Guard(name, [&] { CheckDeletes(plan, spec.deletes); });
    Guard(name, [&] {
      if (auto found = CheckCost(*session_, plan)) findings_.push_back(*std::move(found));
    });
    CheckClass(plan);
  }

  // Whether what orders the rows' states may be read.
  void CheckCursor(const CapturePlan& plan) {
    const std::string key = fmt::format("key ({})", fmt::join(plan.key_columns(), ", "));
    if (!plan.schema->has_cursor()) {
      return Add(Level::kPass, plan.name(),
                 fmt::format("{}, captured by {}: rows have no version, so what others change on a "
                             "target is overwritten and told to nobody",
                             key, NameOf(plan.method())));
    }
    const Column& cursor = plan.schema->columns[plan.schema->cursor];
    session_->Query(sql::Format("SELECT {} FROM {} WHERE false", plan.cursor_sql(),
                                sql::Quote(plan.schema->table)));
    Add(Level::kPass, plan.name(),
        fmt::format("{}, cursor {} {}", key,
                    plan.schema->cursor_fallback ? plan.cursor_sql().ToString() : cursor.name,
                    cursor.native_type));
  }

  // Whether tables may be UNLOGGED, inherit from one another, and plans be asked for with their
  // cost.
  bool has_catalogue() const {
    return sql::ForDialect(url_.dialect, sql::IfPostgres{true}, sql::IfSqlite{false});
  }

  // Also of partitions and heirs.
  void CheckPersistence(const CapturePlan& plan) {
    if (!has_catalogue()) return;
    const auto rows = session_
                          ->Query(R"(
      WITH RECURSIVE parts AS (
        SELECT c.oid FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relname = $2
        UNION
        SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN parts p ON p.oid = i.inhparent)
      SELECT n.nspname, c.relname FROM parts JOIN pg_catalog.pg_class c USING (oid)
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relpersistence = 'u' AND c.relkind = 'r' ORDER BY 1, 2)",
                                  {plan.schema->table.schema, plan.schema->table.name})
                          .rows;
    for (const auto& row : rows) {
      const TableName emptied{row.at(0).value_or(""), row.at(1).value_or("")};
      Add(Level::kWarn, plan.name(),
          fmt::format("table {} is UNLOGGED: after a crash of the server it is empty, and all of "
                      "its rows count as deleted where deletions are looked for",
                      emptied.ToString()),
          fmt::format("run: ALTER TABLE {} SET LOGGED; or let the target keep deleted rows: "
                      "on_delete: ignore",
                      sql::Quote(emptied).text()));
    }
  }

  // A table is read without the rows of tables that inherit from it, which have their own place.
  void CheckHeirs(const CapturePlan& plan) {
    if (!has_catalogue()) return;
    if (plan.table_kind != sql::TableInfo::Kind::kTable) return;
    const auto heirs = session_->Query(
        "SELECT n.nspname, c.relname FROM pg_catalog.pg_inherits i "
        "JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid "
        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE i.inhparent = $1::pg_catalog.regclass ORDER BY 1, 2",
        {sql::Quote(plan.schema->table).ToString()});
    std::vector<std::string> left_out;
    for (const auto& row : heirs.rows) {
      const TableName heir{row.at(0).value_or(""), row.at(1).value_or("")};
      if (!captured_.contains(heir)) left_out.push_back(heir.ToString());
    }
    if (!left_out.empty()) {
      Add(Level::kWarn, plan.name(),
          fmt::format("the rows of tables that inherit from it are not captured: {}",
                      fmt::join(left_out, ", ")),
          "name those tables, too: each is captured as a table of its own");
    } else if (!heirs.rows.empty()) {
      Add(Level::kPass, plan.name(),
          "tables that inherit from it are captured as tables of their own");
    }
  }

  void CheckKey(const CapturePlan& plan, const sql::TableInfo& info) {
    auto same = [&](std::vector<std::string> columns) {
      std::vector<std::string> key = plan.key_columns();
      std::ranges::sort(columns);
      std::ranges::sort(key);
      return columns == key;
    };
    // Rows whose key holds NULL are refused already, so an index that allows it will do.
    if (same(info.primary_key) || std::ranges::any_of(info.unique_indexes, same)) return;
    const sql::Sql key = sql::QuoteList(plan.key_columns());
    const auto repeated = session_->Query(
        sql::Format("SELECT 1 FROM {} {}{} GROUP BY {} HAVING count(*) > 1 LIMIT 1", plan.from(),
                    plan.where.empty() ? sql::Sql() : sql::Sql("WHERE "), plan.where, key));
    if (!repeated.rows.empty()) {
      return Add(
          Level::kFail, plan.name(),
          fmt::format("there are rows that share their key ({})",
                      fmt::join(plan.key_columns(), ", ")),
          "only one of them can be on the target, and each change of one overwrites it: name "
          "other key columns with key:");
    }
    Add(Level::kWarn, plan.name(),
        fmt::format("nothing in the database keeps the key ({}) unique",
                    fmt::join(plan.key_columns(), ", ")),
        "rows that share a key overwrite each other on the target; add a unique index, or name "
        "other key columns");
  }

  void CheckIndex(const CapturePlan& plan, const sql::TableInfo& info) {
    if (info.kind == sql::TableInfo::Kind::kView || info.kind == sql::TableInfo::Kind::kForeign ||
        !plan.schema->has_cursor()) {
      return;
    }
    const bool is_expression = plan.schema->cursor_fallback.has_value();
    const std::string& column = plan.schema->columns[plan.schema->cursor].name;
    if (is_expression ? HasExpressionIndex(plan) : HasIndex(info, column)) return;
    const sql::Sql cursor =
        is_expression ? sql::Format("({})", plan.cursor_sql()) : plan.cursor_sql();
    Add(Level::kWarn, plan.name(),
        is_expression ? fmt::format("no index begins with the cursor {}", plan.cursor_sql().text())
                      : fmt::format("no index begins with the cursor column {}", column),
        sql::ForDialect(url_.dialect, sql::IfPostgres{[&] {
                          return fmt::format(
                              "every poll reads the whole table; run: CREATE INDEX ON {} ({})",
                              sql::Quote(plan.schema->table).text(), cursor.text());
                        }},
                        sql::IfSqlite{[&] {
                          return fmt::format(
                              "every poll reads the whole table; run: CREATE INDEX {} ON {} ({})",
                              sql::Quote(plan.schema->table.name + "_" + column).text(),
                              sql::Quote(plan.schema->table).text(), plan.cursor_sql().text());
                        }}));
  }

  static bool HasIndex(const sql::TableInfo& info, const std::string& column) {
    if (std::ranges::find(info.indexed, column) != info.indexed.end()) return true;
    return info.primary_key.size() == 1 && info.primary_key.front() == column;
  }

  // Of coalesce(a, b): by the index's text on PostgreSQL, by what the planner makes of it on
  // SQLite.
  bool HasExpressionIndex(const CapturePlan& plan) const {
    const TableSchema& schema = *plan.schema;
    return sql::ForDialect(
        url_.dialect, sql::IfPostgres{[&] {
          const auto found = session_->Query(
              "SELECT FROM pg_index WHERE indrelid = $1::regclass AND indisvalid AND indpred IS "
              "NULL AND pg_get_indexdef(indexrelid, 1, true) = format('COALESCE(%I, %I)', "
              "$2::text, $3::text)",
              {sql::Quote(schema.table).ToString(), schema.columns[schema.cursor].name,
               schema.columns[schema.cursor_fallback.value()].name});
          return !found.rows.empty();
        }},
        sql::IfSqlite{[&] {
          const auto steps =
              session_->Query(sql::Format("EXPLAIN QUERY PLAN SELECT 1 FROM {} WHERE {} >= ''",
                                          sql::Quote(schema.table), plan.cursor_sql()));
          return steps.rows.at(0).at(3)->starts_with("SEARCH");
        }});
  }

  void CheckNullCursors(const CapturePlan& plan) {
    if (plan.null_cursor.empty()) return;
    const auto found = session_->Query(
        sql::Format("SELECT 1 FROM {} WHERE {} LIMIT 1", plan.from(), plan.null_cursor));
    if (found.rows.empty()) return;
    Add(Level::kWarn, plan.name(),
        fmt::format("there are rows whose cursor {} is NULL: they are not captured",
                    plan.cursor_sql().text()),
        "set it on every row and make the column NOT NULL");
  }

  void CheckDeletes(const CapturePlan& plan, const Deletes& deletes) {
    if (!deletes.flag.empty()) {
      return Add(Level::kPass, plan.name(),
                 fmt::format("deletions: rows in which {} is set", deletes.flag));
    }
    if (plan.method() == CaptureMethod::kCompare) {
      const auto seconds = plan.reconcile.value().every.count() / 1'000'000;
      return Add(Level::kPass, plan.name(),
                 plan.reconcile->at
                     ? std::string("looked at by a cron, deletions included")
                     : fmt::format("looked at every {} s, deletions included", seconds));
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

  void CheckClass(const CapturePlan& plan) {
    if (plan.cursor_kind == CursorKind::kTimestamp || plan.cursor_kind == CursorKind::kDate) {
      Add(Level::kPass, plan.name(),
          fmt::format("the cursor has no zone: it is read as local time of {}",
                      plan.zone.empty() ? sql::ConfiguredZone(*session_) : plan.zone));
    }
    const Guarantee guarantee = classifier_->Classify(plan);
    const std::string message = fmt::format("{}: {}", NameOf(guarantee.kind), guarantee.reason);
    switch (guarantee.kind) {
      case GuaranteeClass::kExact:
        return Add(Level::kPass, plan.name(), message);
      case GuaranteeClass::kEachLook:
        return Add(Level::kPass, plan.name(), message + "; to see more: " + guarantee.remedy);
      case GuaranteeClass::kBounded:
        return Add(Level::kPass, plan.name(), message + "; to be exact: " + guarantee.remedy);
      case GuaranteeClass::kBestEffort:
        return Add(Level::kWarn, plan.name(), message, guarantee.remedy);
      case GuaranteeClass::kRefused:
        return Add(Level::kFail, plan.name(), message, guarantee.remedy);
    }
  }

  const sql::DatabaseUrl& url_;
  const KnownKinds& known_;
  std::vector<CheckResult>& findings_;
  std::set<TableName> captured_;
  std::unique_ptr<sql::Session> session_;
  std::optional<Classifier> classifier_;  // over session_
};

}  // namespace

std::vector<CheckResult> CheckSource(const sql::DatabaseUrl& source,
                                     const std::vector<TableSpec>& tables,
                                     const KnownKinds& known) {
  std::vector<CheckResult> findings;
  SourceCheck(source, known, findings).Run(tables);
  return findings;
}

std::map<TableName, Guarantee> GuaranteesOf(const sql::DatabaseUrl& source,
                                            const std::vector<TableSpec>& tables) {
  const auto session = sql::Session::Open(source, {.read_only = true});
  std::map<TableName, Guarantee> guarantees;
  Classifier classifier(*session);
  for (const TableSpec& spec : tables) {
    try {
      guarantees[spec.table] = classifier.Classify(PlanTable(*session, spec));
    } catch (const Error& error) {
      if (error.reaction() == Reaction::kRetry) throw;
    }
  }
  return guarantees;
}

}  // namespace syncline::capture
