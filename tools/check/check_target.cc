#include "tools/check/check_target.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "apply/late_tables.h"
#include "apply/plan/apply_plan.h"
#include "apply/plan/key_fit.h"
#include "apply/plan/narrowing.h"
#include "apply/state/schema_watch.h"
#include "apply/target/durability.h"
#include "apply/target/stamping_triggers.h"
#include "apply/target/target_table.h"
#include "capture/capture_stage.h"
#include "capture/cursor/stored_cursor.h"
#include "engine/log/log_care.h"
#include "engine/log/log_catalog.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/session.h"
#include "engine/sql/sql_dialect.h"
#include "tools/check/check_privacy.h"
#include "tools/check/column_fit.h"
#include "tools/check/missing_types.h"
#include "tools/check/moment_check.h"
#include "tools/status/idle_consumers.h"
#include "tools/status/pipeline_status.h"

namespace syncline::cli {
namespace {

bool MayWrite(const std::filesystem::path& path) { return access(path.c_str(), W_OK) == 0; }

void CheckTriggers(sql::Session& session, const std::string& subject, const TableName& table,
                   const std::string& cursor, CheckReport& report) {
  const auto triggers = apply::StampingTriggers(session, table, cursor);
  if (triggers.empty()) return;
  report.Warn(
      subject,
      fmt::format("trigger {} may set {}, by which states of a row are told apart: every later "
                  "change of a row would be a conflict",
                  fmt::join(triggers, ", "), cursor),
      sql::ForDialect(session.dialect(), sql::IfPostgres{[&] {
                        const std::string role =
                            session.Query("SELECT current_user").rows.at(0).at(0).value();
                        return fmt::format(
                            "let it leave alone what Syncline writes: CREATE TRIGGER .. WHEN "
                            "(current_user <> {}) ..; or DROP TRIGGER",
                            sql::TextLiteral(role, session.dialect()).text());
                      }},
                      sql::IfSqlite{std::string("DROP TRIGGER, or use another column for it")}));
}

// What a policy hides from this role is neither a conflict nor found by `verify`.
void CheckRowSecurity(sql::Session& session, const std::string& subject, const TableName& table,
                      CheckReport& report) {
  const bool has_policies =
      sql::ForDialect(session.dialect(), sql::IfPostgres{true}, sql::IfSqlite{false});
  if (!has_policies) return;
  const auto found = session.Query(
      "SELECT pg_catalog.quote_ident(current_user), coalesce((SELECT 'policy ' || "
      "pg_catalog.string_agg(p.polname, ', ' ORDER BY p.polname) FROM pg_catalog.pg_policy p WHERE "
      "p.polrelid = $1::pg_catalog.regclass), 'there is no policy') "
      "WHERE pg_catalog.row_security_active($1::pg_catalog.regclass)",
      {sql::Quote(table).ToString()});
  if (found.rows.empty()) return;
  const auto& row = found.rows.front();
  report.Warn(subject,
              fmt::format("row-level security applies to role {} ({}): rows that it hides are "
                          "overwritten without a conflict or refused, and `verify` cannot read "
                          "the table",
                          *row.at(0), *row.at(1)),
              fmt::format("as a superuser run: ALTER ROLE {} BYPASSRLS", *row.at(0)));
}

void CheckTable(sql::Session& session, const std::string& subject, const PipelinePlan& pipeline,
                const sql::DatabaseUrl& source, const apply::TableMapping& mapping,
                const std::shared_ptr<const TableSchema>& schema, const std::vector<Row>& sample,
                CheckReport& report) {
  report.Guard(subject, [&] {
    apply::ApplyPlan plan = apply::PlanTable(schema, mapping);
    plan.comes_back = pipeline.two_way;
    apply::RefuseOneName(plan, session.dialect());
    const apply::ApplyPlan whole = plan;
    const auto silent = std::make_shared<NullLogger>();
    const auto before = session.Describe(mapping.target);
    if (!CheckTypes(session, source, subject, plan, before ? &*before : nullptr, report)) return;
    sql::TableInfo prepared;
    {
      sql::Transaction transaction(session, sql::Session::Isolation::kWrite);
      apply::SchemaWatch(silent).Compare(session, pipeline.name, {{mapping.source, mapping}},
                                         {schema});
      prepared = apply::PrepareTargetTable(session, plan, *silent);
    }
    if (!before) return report.Pass(subject, "is not there and will be made");
    apply::RefuseNarrowing(session, plan, prepared);
    CheckRowSecurity(session, subject, before->name, report);
    for (size_t i = 0; i < plan.key_fits.size(); ++i) {
      if (plan.key_fits[i].kind == apply::KeyFit::Kind::kExact) continue;
      report.Warn(subject, plan.key_fits[i].ToString(),
                  apply::KeyFitHint(plan, i, session.dialect()));
    }
    for (uint32_t i = 0; i < plan.columns.size(); ++i) {
      // In two directions a row is what triggers have made of it.
      if (!plan.IsCursor(i) || pipeline.two_way) continue;
      CheckTriggers(session, subject, before->name, plan.columns[i].name, report);
    }
    if (!CheckColumnsFit(session, subject, plan, prepared, sample, report)) return;
    std::vector<std::string> added;
    for (const Column& column : whole.columns) {
      const sql::ColumnInfo* const there = before->Find(column.name, session.dialect());
      if (there != nullptr) {
        if (!there->generated) continue;
        report.Pass(
            subject,
            fmt::format("computes column {} by itself, so the source's is left out", column.name));
        continue;
      }
      if (std::ranges::find(plan.columns, column) != plan.columns.end()) {
        added.push_back(column.name);
      } else {
        report.Warn(
            subject, fmt::format("has no column {}, whose values are ignored", column.name),
            fmt::format("for them run: {};", apply::AddColumnSql(session, whole, column).text()));
      }
    }
    report.Pass(subject, added.empty() ? "fits what comes"
                                       : fmt::format("fits what comes, with the column {}, which "
                                                     "will be added",
                                                     fmt::join(added, ", ")));
  });
}

// Tables that are not on the target, as apply refuses them: it is past changes of theirs.
std::set<TableName> LateTables(const Config& config, const PipelinePlan& pipeline,
                               const PipelineStatus& status, sql::Session& session,
                               CheckReport& report) {
  std::set<TableName> late;
  using State = PipelineStatus::State;
  if (status.state != State::kInStep && status.state != State::kBehind) return late;
  const std::string subject = fmt::format("{} -> {}", pipeline.name, pipeline.target);
  report.Guard(subject, [&] {
    std::set<TableName> missing;
    for (const apply::TableMapping& mapping : pipeline.tables) {
      if (!session.Describe(mapping.target)) missing.insert(mapping.source);
    }
    SystemClock clock;
    const auto log = OpenLog(config, pipeline.source, clock);
    late = apply::LateTables(*log, missing, *status.next, {});
  });
  for (const TableName& table : late) {
    report.Fail(subject, apply::LateTableError(table, pipeline.target_url.display, pipeline.name,
                                               *status.next));
  }
  return late;
}

// Names the tables whose values would be other moments on the target, and returns them; and those
// of which nobody knows.
std::set<TableName> CheckMoments(const PipelinePlan& pipeline, const SourceSchemas& schemas,
                                 CheckReport& report) {
  std::set<TableName> refused;
  if (schemas.empty()) return refused;  // the source's own failure tells why
  report.Guard(fmt::format("{} -> {}", pipeline.name, pipeline.target), [&] {
    const MomentFindings found = FindOtherMoments(pipeline);
    for (const OtherMoments& table : found.refused) {
      report.Fail(fmt::format("{} {}", pipeline.target, table.target.ToString()), table.error);
      refused.insert(table.target);
    }
    for (const auto& [table, assumed] : found.assumed) {
      report.Warn(fmt::format("{} {}", pipeline.target, table.ToString()),
                  fmt::format("{}", fmt::join(assumed, "; ")),
                  "state what the table's columns without a time zone hold, such as `zone: UTC` or "
                  "`zone: Europe/Berlin`: then what would be another moment is refused");
    }
  });
  return refused;
}

// What the first start would refuse of a target that is not there yet.
void CheckNewTables(const std::string& subject, const PipelinePlan& pipeline,
                    const SourceSchemas& schemas, CheckReport& report) {
  for (const apply::TableMapping& mapping : pipeline.tables) {
    const auto schema = schemas.find(mapping.source);
    if (schema == schemas.end()) continue;  // the source's own failure tells why
    report.Guard(fmt::format("{} {}", subject, mapping.target.ToString()), [&] {
      apply::RefuseOneName(apply::PlanTable(schema->second, mapping), pipeline.target_url.dialect);
    });
  }
}

// A log that may grow to the size it is to keep, and RocksDB's room for rewriting, should fit.
void CheckRoom(const std::string& subject, const SourcePlan& source, CheckReport& report) {
  constexpr uint64_t kRoomMin = 1u << 30;
  const std::optional<uint64_t> free = source.log->care().BytesFree();
  if (!free) return;
  const uint64_t wanted =
      std::max<uint64_t>(kRoomMin, source.retain ? source.retain->keep_bytes.value_or(0) : 0);
  const std::string room = fmt::format("{} are free for it", FormatBytes(*free));
  if (*free >= wanted) return report.Pass(subject, room);
  report.Warn(subject, room,
              fmt::format("{} should be: while the disk is full, capture waits. Make room, choose "
                          "another \"log\" folder, or lower retain: {{size: ..}}",
                          FormatBytes(wanted)));
}

// Apply would wait for a server that is read-only now; who checks wants to know.
void CheckWritable(sql::Session& session, const std::string& subject, const std::string& display,
                   CheckReport& report) {
  const bool may_be_standby =
      sql::ForDialect(session.dialect(), sql::IfPostgres{true}, sql::IfSqlite{false});
  if (!may_be_standby) return;
  const auto state =
      session.Query("SELECT pg_is_in_recovery(), current_setting('transaction_read_only')");
  if (state.rows.at(0).at(0) == "t") {
    report.Fail(subject, fmt::format("{} is a standby, which cannot be written", display),
                "give the primary's address; one that names all hosts finds it by "
                "target_session_attrs=read-write",
                Cause::kEnvironment);
  } else if (state.rows[0].at(1) == "on") {
    report.Fail(subject, fmt::format("{}: default_transaction_read_only is on", display),
                "ALTER ROLE or ALTER DATABASE .. SET default_transaction_read_only = off; some "
                "providers set it when a disk is nearly full",
                Cause::kEnvironment);
  }
}

// What a crash of the target's server could take back.
void CheckDurability(sql::Session& session, const std::string& subject,
                     const PipelinePlan& pipeline, CheckReport& report) {
  for (const apply::DurabilityConcern& concern : apply::DurabilityConcerns(session)) {
    report.Warn(subject, concern.message, concern.hint);
  }
  if (!report.Guard(subject, [&] { apply::RequireDurable(session, {}); })) return;
  std::vector<TableName> targets;
  for (const apply::TableMapping& mapping : pipeline.tables) targets.push_back(mapping.target);
  try {
    apply::RequireDurable(session, targets);
  } catch (const Error&) {
    // Each by itself, now that one is known to be refused.
    for (const TableName& target : targets) {
      report.Guard(subject, [&] { apply::RequireDurable(session, {&target, 1}); });
    }
  }
}

// A SQLite file that is not there yet: the first apply makes it, a check must not.
bool CheckNewFile(const std::string& subject, const sql::DatabaseUrl& url, CheckReport& report) {
  const std::filesystem::path file(url.connection);
  if (!sql::DialectOf(url.dialect).can().is_file || std::filesystem::exists(file)) return false;
  const std::filesystem::path folder = file.parent_path();
  if (!std::filesystem::exists(folder)) {
    report.Fail(subject, fmt::format("the folder of {} does not exist", url.display),
                fmt::format("mkdir -p {}", folder.string()), Cause::kEnvironment);
  } else if (!MayWrite(folder)) {
    report.Fail(subject, fmt::format("{} cannot be made in its folder", url.display),
                "give this user the right to write there", Cause::kEnvironment);
  } else {
    report.Pass(subject, fmt::format("{} is not there and will be made", url.display));
  }
  return true;
}

}  // namespace

void CheckTarget(const Config& config, const PipelinePlan& pipeline, const SourceSchemas& schemas,
                 const SourceSamples& samples, CheckReport& report) {
  const std::string subject = fmt::format("{} -> {}", pipeline.name, pipeline.target);
  CheckTargetPrivacy(subject, config.Database(pipeline.source).url, pipeline.target_url, report);
  if (CheckNewFile(subject, pipeline.target_url, report)) {
    CheckMoments(pipeline, schemas, report);
    return CheckNewTables(pipeline.target, pipeline, schemas, report);
  }
  std::unique_ptr<sql::Session> session;
  if (!report.Guard(subject, [&] { session = sql::Session::Open(pipeline.target_url); })) return;
  report.Pass(subject, fmt::format("{} can be reached", pipeline.target_url.display));
  CheckWritable(*session, subject, pipeline.target_url.display, report);
  CheckDurability(*session, subject, pipeline, report);
  SystemClock clock;
  const PipelineStatus status = ReadPipelineStatus(config, config.Pipeline(pipeline.name), clock);
  if (status.state == PipelineStatus::State::kTrouble) {
    report.Fail(subject, status.trouble, status.hint,
                status.exit_code == 2 ? Cause::kUsage : Cause::kEnvironment);
  }
  const std::set<TableName> late = LateTables(config, pipeline, status, *session, report);
  const std::set<TableName> other_moments = CheckMoments(pipeline, schemas, report);
  for (const apply::TableMapping& mapping : pipeline.tables) {
    auto schema = schemas.find(mapping.source);
    if (schema == schemas.end() || late.contains(mapping.source)) continue;  // told already
    if (other_moments.contains(mapping.target)) continue;                    // the same
    const auto sample = samples.find(mapping.source);
    CheckTable(*session, fmt::format("{} {}", pipeline.target, mapping.target.ToString()), pipeline,
               config.Database(pipeline.source).url, mapping, schema->second,
               sample == samples.end() ? std::vector<Row>() : sample->second, report);
  }
}

void CheckLog(const Config& config, const SourcePlan& source, CheckReport& report) {
  const std::string subject = fmt::format("log of {}", source.database);
  const std::string folder = source.log->Describe();
  if (!source.log->care().MayBeWritten()) {
    report.Fail(subject, fmt::format("{} cannot be written: permission denied", folder),
                "choose another \"log\" folder, or give this user the right to write there",
                Cause::kEnvironment);
    return;
  }
  if (!report.Guard(subject, [&] { CheckLogPrivacy(subject, *source.log, report); })) return;
  CheckRoom(subject, source, report);
  if (!source.log->MayExist()) {
    report.Pass(subject, fmt::format("{} is not there and will be made", folder));
    return;
  }
  report.Guard(subject, [&] {
    SystemClock clock;
    auto reader = OpenLog(config, source.database, clock);
    const std::string identity = capture::SourceIdentity(source.url);
    if (reader->info().source != identity) {
      throw UsageError(fmt::format("the log in {} belongs to another source, {}, not to {}", folder,
                                   reader->info().source, identity),
                       "choose another \"log\" folder, or another name for the database");
    }
    report.Pass(subject, fmt::format("{} holds {} changes of this source", folder,
                                     FormatCount(reader->end() - reader->begin())));
    if (const auto last = reader->Last()) {
      for (const TableName& table : capture::TablesOwingDeletions(last->cursor)) {
        report.Warn(
            subject,
            fmt::format("{}: the log may hold rows that are gone from the source",
                        table.ToString()),
            "the next capture looks for them; if it has held deletions back, see max_deletes");
      }
    }
    for (const IdleConsumer& consumer : IdleConsumers(*reader, config.retain, clock)) {
      report.Warn(subject, TellIdle(consumer), IdleHint(consumer));
    }
  });
}

}  // namespace syncline::cli
