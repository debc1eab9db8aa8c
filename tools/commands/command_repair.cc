#include <fmt/format.h>

#include "engine/base/error.h"
#include "tools/commands/commands.h"
#include "tools/commands/verify_arguments.h"
#include "tools/verify/row_repair.h"
#include "tools/verify/verify_plan.h"
#include "tools/verify/verify_report.h"

namespace syncline::cli {
namespace {

struct RepairArguments {
  std::string pipeline;
  VerifyArguments how;
  bool dry_run = false;
  RepairOptions mend;
};

// What is, or would be, done about each row.
Json DoneJson(const VerifyResult& findings, const RepairOptions& options) {
  Json json = FindingsJson(findings, 0);
  for (size_t table = 0; table < findings.tables.size(); ++table) {
    for (size_t i = 0; i < findings.tables[table].rows.size(); ++i) {
      const DivergentRow& row = findings.tables[table].rows[i];
      json["tables"][table]["rows"][i]["repair"] = MendText(row, RepairFor(row, options));
    }
  }
  return json;
}

void PrintDone(const VerifyResult& findings, const RepairOptions& options, Terminal& out) {
  for (const VerifiedTable& table : findings.tables) {
    for (const DivergentRow& row : table.rows) {
      out.Line(RowText(table, row));
      out.Line(fmt::format("  {}", MendText(row, RepairFor(row, options))));
    }
  }
}

uint64_t RowsIn(const VerifyResult& findings) {
  uint64_t rows = 0;
  for (const VerifiedTable& table : findings.tables) rows += table.rows.size();
  return rows;
}

bool HasUnread(const VerifyResult& findings) {
  return std::ranges::any_of(findings.tables,
                             [](const VerifiedTable& table) { return table.unread > 0; });
}

int DryRun(const Invocation& invocation, const RepairArguments& options,
           const VerifyResult& found) {
  Terminal out = invocation.Out();
  if (invocation.json) {
    Json json = DoneJson(found, options.mend);
    json["dry_run"] = true;
    invocation.Print(json);
  } else {
    PrintDone(found, options.mend, out);
    out.Line(fmt::format("{}: {} rows differ; nothing was changed{}", options.pipeline,
                         FormatCount(RowsIn(found)),
                         HasUnread(found) ? ", and there are more of them" : ""));
  }
  return found.equal() ? 0 : kDivergenceExit;
}

int Tell(const Invocation& invocation, const RepairArguments& options, const VerifyResult& found,
         const RowRepair::Result& done, const VerifyResult& left) {
  const bool mended = left.equal() && !HasUnread(found);
  if (invocation.json) {
    Json json = DoneJson(found, options.mend);
    json["dry_run"] = false;
    json["written"] = done.written;
    json["recaptured"] = done.recaptured;
    json["refused"] = done.refused;
    json["left"] = FindingsJson(left, 0);
    invocation.Print(json);
    return mended ? 0 : kDivergenceExit;
  }
  Terminal out = invocation.Out();
  PrintDone(found, options.mend, out);
  out.Line(
      fmt::format("{}: {} rows differed; {} written on the target, {} read again at the source",
                  options.pipeline, FormatCount(RowsIn(found)), FormatCount(done.written),
                  FormatCount(done.recaptured)));
  for (const std::string& refused : done.refused) {
    out.Line("  refused by the target: " + refused);
  }
  if (left.in_flight() > 0) {
    out.Line(fmt::format("  {} are in the log, from which apply brings them",
                         FormatCount(left.in_flight())));
  }
  if (!left.equal()) out.Line(fmt::format("  {} differ still", FormatCount(RowsIn(left))));
  if (HasUnread(found)) out.Line("  there are more that differ: repair again");
  return mended ? 0 : kDivergenceExit;
}

int Repair(const Invocation& invocation, const RepairArguments& options) {
  const auto logger = invocation.NewLogger("warn");
  const Config config = invocation.Load();
  if (config.TwoWay(options.pipeline) != nullptr) {
    throw UsageError(
        fmt::format("pipeline {} has two directions: neither side is the right one",
                    options.pipeline),
        "`syncline verify` says which rows differ; write the right state on one side, with a new "
        "stamp, and it goes to the other");
  }
  SystemClock clock;
  const Plan plan = VerifyPlan(config, options.pipeline);
  const SourcePlan& source = plan.sources.front();
  const PipelinePlan& pipeline = plan.pipelines.front();
  Verification verification(source, pipeline, options.how.table, options.how.ToOptions(), clock,
                            logger);
  const VerifyResult found = verification.Run();
  if (options.dry_run) return DryRun(invocation, options, found);
  const RowRepair::Result done =
      RowRepair(source, pipeline, verification, options.mend, clock, logger).Run(found);
  const VerifyResult left = RowsIn(found) > 0 ? verification.Again(found) : found;
  return Tell(invocation, options, found, done, left);
}

}  // namespace

void AddRepair(Command& app, const Invocation& invocation) {
  auto options = std::make_shared<RepairArguments>();
  Command& command =
      app.AddCommand("repair", "RepairStep what verify finds, row by row, and nothing else");
  command.AddOption("pipeline", options->pipeline, "The pipeline to repair")
      .Required()
      .Type("PIPELINE");
  command.AddFlag("--dry-run", options->dry_run, "Only show what would be done to which row");
  command.AddFlag("--conflicts", options->mend.conflicts,
                  "Repair also rows that a conflict has left as the target had them");
  command.AddFlag("--keep-extra", options->mend.keep_extra,
                  "Leave rows alone that only the target has");
  options->how.AddTo(command);
  command.Footer(
      R"(Rows that the target has otherwise than the log are written as the log has them;
rows that the log has otherwise than the source are read again into the log, from
which apply brings them. What is parked in the quarantine is left alone, and so is
what a conflict was decided for. Works beside a running pipeline. Exit code 4 when
something differs still.

  syncline repair shop-to-mirror --dry-run
  syncline repair shop-to-mirror)");
  command.Runs([&invocation, options] { return Repair(invocation, *options); });
}

}  // namespace syncline::cli
