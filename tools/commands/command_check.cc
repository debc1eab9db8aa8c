#include <fmt/format.h>

#include "capture/plan/capture_plan.h"
#include "engine/log/log_catalog.h"
#include "engine/sql/session.h"
#include "tools/check/check_lines.h"
#include "tools/check/check_node.h"
#include "tools/check/check_privacy.h"
#include "tools/check/check_report.h"
#include "tools/check/check_target.h"
#include "tools/check/check_trust.h"
#include "tools/commands/commands.h"
#include "tools/status/pipeline_status.h"

namespace syncline::cli {
namespace {

// Rows of each table that are tried on the target's types.
constexpr uint64_t kSampleRows = 50;

// The tables that can be captured, and some of their rows; what is wrong with the others is
// CheckSource's to tell.
SourceSchemas ReadSchemas(const SourcePlan& source, const capture::KnownKinds& known,
                          SourceSamples& samples) {
  SourceSchemas schemas;
  auto session = sql::Session::Open(source.url, {.read_only = true});
  for (const capture::TableSpec& table : source.tables) {
    try {
      const capture::CapturePlan plan = capture::PlanTable(*session, table, known);
      schemas[table.table] = plan.schema;
      std::vector<Row>& sample = samples[table.table];
      session->ReadRows({.schema = *plan.schema,
                         .where = plan.where,
                         .limit = kSampleRows,
                         .row_bytes_max = plan.row_bytes_max,
                         .too_large = [](Row&, uint64_t) {},
                         .from = plan.from()},
                        [&](Row& row) { sample.push_back(std::move(row)); });
    } catch (const Error&) {
    }
  }
  return schemas;
}

// What its log knows of the source's tables; nothing where it cannot be read, which CheckLog tells.
capture::KnownKinds KindsInLog(const Config& config, const SourcePlan& source) {
  if (!source.log->MayExist()) return {};
  try {
    SystemClock clock;
    const auto last = OpenLog(config, source.database, clock)->Last();
    return last ? capture::KindsIn(last->cursor) : capture::KnownKinds();
  } catch (const Error&) {
    return {};
  }
}

void CheckOneSource(const Config& config, const std::string& name, CheckReport& report) {
  const DatabaseConfig& database = config.Database(name);
  const auto reach = [&] { sql::Session::Open(database.url, {.read_only = true}); };
  if (!WillBeMade(config, name) && !report.Guard(name, reach)) return;
  Plan plan;
  if (!report.Guard(name, [&] { plan = MakePlan(config, {name}); })) return;
  for (const std::string& warning : plan.warnings) {
    report.Warn(name, warning, "give the table an entry of its own, or leave it out on purpose");
  }
  SourcePlan& source = plan.sources.front();
  if (source.node) source.tables = TablesThere(source, plan.pipelines, report);
  const capture::KnownKinds known = KindsInLog(config, source);
  std::vector<capture::CheckResult> findings;
  if (!source.tables.empty()) findings = capture::CheckSource(database.url, source.tables, known);
  for (capture::CheckResult& finding : findings) {
    const bool of_table = finding.subject != database.url.display;
    finding.subject = of_table ? fmt::format("{} {}", name, finding.subject) : name;
  }
  report.Add(std::move(findings));
  CheckSourceTrust(source, report);
  report.Guard(fmt::format("log of {}", name), [&] { CheckLog(config, source, report); });
  SourceSamples samples;
  const SourceSchemas schemas =
      source.tables.empty() ? SourceSchemas() : ReadSchemas(source, known, samples);
  for (const PipelinePlan& pipeline : plan.pipelines) {
    if (pipeline.lines) {
      CheckLines(config, pipeline, report);
      continue;
    }
    CheckTarget(config, pipeline, pipeline.two_way ? ReplicaSchemas(pipeline) : schemas,
                pipeline.two_way ? SourceSamples() : samples, report);
    CheckTargetTrust(pipeline, report);
  }
}

int Check(const Invocation& invocation) {
  const Config config = invocation.Load();
  CheckReport report;
  report.Pass(config.file, fmt::format("databases: {}, pipelines: {}", config.databases.size(),
                                       config.pipelines.size()));
  CheckSecrets(config, report);
  for (const std::string& source : config.SourceNames()) {
    report.Guard(source, [&] { CheckOneSource(config, source, report); });
  }
  if (invocation.json) {
    invocation.Print(report.ToJson());
  } else {
    Terminal out = invocation.Out();
    report.Print(out);
  }
  return report.exit_code();
}

}  // namespace

void AddCheck(Command& app, const Invocation& invocation) {
  Command& command = app.AddCommand(
      "check", "Look for everything that could keep it from working, and change nothing");
  command.Footer(
      R"(Looks at the configuration, sources (access, keys, cursor columns, indexes, clocks),
logs and targets. Each line passes, warns or fails, and says what to do. Of each
table it says how exact polling is: exact, bounded or best-effort.
Exits with 2 if the configuration has to change, with 3 if the environment has to.

  syncline check
  syncline check --json)");
  command.Runs([&invocation] { return Check(invocation); });
}

}  // namespace syncline::cli
