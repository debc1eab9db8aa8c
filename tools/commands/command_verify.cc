#include <fmt/format.h>

#include <algorithm>

#include "engine/base/error.h"
#include "tools/commands/commands.h"
#include "tools/commands/verify_arguments.h"
#include "tools/verify/replica_comparison.h"
#include "tools/verify/replica_report.h"
#include "tools/verify/verify_plan.h"
#include "tools/verify/verify_report.h"

namespace syncline::cli {
namespace {

struct VerifyOptions {
  std::vector<std::string> pipelines;
  VerifyArguments how;
  uint64_t rows_max = 10;
};

// Pipelines to be compared; one of two directions is one.
std::vector<std::string> NamesOf(const Config& config, const VerifyOptions& options) {
  if (!options.pipelines.empty()) return options.pipelines;
  std::vector<std::string> names;
  for (const std::string& name : config.PipelineNames()) {
    const PipelineConfig* const pair = config.TwoWay(name);
    if (config.LinesOf(config.Pipeline(name))) continue;
    if (pair == nullptr || pair->name == name) names.push_back(name);
  }
  return names.empty() ? config.PipelineNames() : names;  // one of which says why not
}

// Whether the two databases are equal.
bool VerifyPair(const Invocation& invocation, const PipelineConfig& pair, const Config& config,
                const VerifyOptions& options, Clock& clock, Json& list) {
  const Plan plan = MakePlan(config, {pair.name});
  ReplicaComparison comparison(plan.pipelines.front(), pair.two_way->name, options.how.table,
                               clock);
  const ReplicaResult findings = comparison.Run(options.how.ToOptions().wait);
  if (invocation.json) {
    list.push_back(ReplicasJson(findings, options.rows_max, /*merge=*/false));
  } else {
    Terminal out = invocation.Out();
    PrintReplicas(findings, options.rows_max, /*merge=*/false, out);
  }
  return findings.equal();
}

int Verify(const Invocation& invocation, const VerifyOptions& options) {
  const auto logger = invocation.NewLogger("warn");
  const Config config = invocation.Load();
  const Verification::Options how = options.how.ToOptions();
  SystemClock clock;
  Json list = Json::array();
  Terminal out = invocation.Out();
  std::optional<Error> failure;
  bool equal = true, any = false;
  for (const std::string& name : NamesOf(config, options)) {
    try {
      if (const PipelineConfig* const pair = config.TwoWay(name)) {
        any = true;
        equal = VerifyPair(invocation, *pair, config, options, clock, list) && equal;
        continue;
      }
      const Plan plan = VerifyPlan(config, name);
      const bool is_named =
          std::ranges::any_of(plan.pipelines.front().tables, [&](const apply::TableMapping& table) {
            return IsNamed(table.source, options.how.table);
          });
      // Whoever asks for a table does not mean the pipelines that have none of that name.
      if (!is_named && options.pipelines.empty() && config.pipelines.size() > 1) continue;
      any = true;
      Verification verification(plan.sources.front(), plan.pipelines.front(), options.how.table,
                                how, clock, logger);
      const VerifyResult findings = verification.Run();
      equal = equal && findings.equal();
      if (invocation.json) {
        list.push_back(FindingsJson(findings, options.rows_max));
      } else {
        PrintFindings(findings, options.rows_max, out);
      }
    } catch (Error& error) {
      error.AddContext("pipeline " + name);
      if (options.pipelines.size() == 1 || config.pipelines.size() == 1) throw;
      if (!failure) failure = error;
      logger->Error("not compared pipeline={} error=\"{}\" hint=\"{}\"", name, error.message(),
                    error.hint());
    }
  }
  if (!any && !failure) {
    throw UsageError(fmt::format("no pipeline has a table {}", options.how.table),
                     "name it as the source does");
  }
  if (invocation.json) {
    invocation.Print({{"equal", equal && !failure}, {"pipelines", std::move(list)}});
  }
  if (!equal) return kDivergenceExit;
  if (failure) throw *failure;  // told, but it is the exit code
  return 0;
}

}  // namespace

void AddVerify(Command& app, const Invocation& invocation) {
  auto options = std::make_shared<VerifyOptions>();
  Command& command =
      app.AddCommand("verify", "Compare source, log and target, while they are in use");
  command.AddOption("pipelines", options->pipelines, "Pipelines; all if none is named")
      .Type("PIPELINE");
  command
      .AddOption("--rows", options->rows_max,
                 "How many of the rows that differ are shown of each table; 0: all")
      .ShowsDefault()
      .Type("N");
  options->how.AddTo(command);
  command.Footer(
      R"(Compares every row in one consistent cut: a snapshot of the target, a snapshot of
the source, and the log, which has the source polled once. What apply has yet to
bring is in flight and no divergence. Writes nothing but that poll. Exit code 4
when something differs. In two directions the two databases are compared, and
rows count that stay different for --wait without being changed. Without --by
sums are compared where a PostgreSQL server is on another machine, so that only
sums and rows that differ travel; else rows.

  syncline verify
  syncline verify shop-to-mirror --table customers --json --rows 0)");
  command.Runs([&invocation, options] { return Verify(invocation, *options); });
}

}  // namespace syncline::cli
