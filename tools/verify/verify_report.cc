#include "tools/verify/verify_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "tools/verify/narrowed_report.h"

namespace syncline::cli {
namespace {

Json TargetRowJson(const ComparedTable& table, const std::optional<Row>& row) {
  return row ? RowJson(table.target, *row) : Json(nullptr);
}

// Without what the pipeline does not take: whoever may read its target need not be allowed to see
// that.
Json TakenJson(const ComparedTable& table, const TableSchema& schema, const Row& row) {
  Json json = RowJson(schema, row);
  for (const auto* names : {&table.mapping.omit, &table.left_out}) {
    for (const std::string& name : *names) json.erase(name);
  }
  return json;
}

Json LoggedJson(const ComparedTable& table, const DivergentRow& row) {
  if (!row.logged || row.logged->deleted()) return nullptr;
  return TakenJson(table, *row.logged->schema, row.logged->row);
}

Json RowFindingJson(const VerifiedTable& table, const DivergentRow& row) {
  const ComparedTable& shape = *table.table;
  return {{"key", KeyJson(shape.target, row.pair.key.target)},
          {"difference", DifferenceName(row.difference)},
          {"why", WhyName(row.why)},
          {"columns", row.columns},
          {"source",
           row.pair.source ? TakenJson(shape, *shape.schema, *row.pair.source) : Json(nullptr)},
          {"log", LoggedJson(shape, row)},
          {"log_offset", row.logged ? Json(row.logged->offset.value()) : Json(nullptr)},
          {"target", TargetRowJson(shape, row.pair.target)},
          {"reason", row.reason.empty() ? Json(nullptr) : Json(row.reason)}};
}

Json LargeJson(const VerifiedTable& table) {
  Json rows = Json::array();
  for (const TableComparison::LargeRow& row : table.large) {
    rows.push_back({{"key", KeyJson(table.table->target, row.key)},
                    {"bytes", row.bytes},
                    {"side", row.at_source ? "source" : "target"}});
  }
  return rows;
}

Json TableJson(const VerifiedTable& table, uint64_t rows_max) {
  Json rows = Json::array();
  for (const DivergentRow& row : table.rows) {
    if (rows_max > 0 && rows.size() == rows_max) break;
    rows.push_back(RowFindingJson(table, row));
  }
  Json json = {{"table", table.table->name()},
               {"target_table", table.table->target.table.ToString()},
               {"equal", table.equal},
               {"missing", table.count(Difference::kMissing)},
               {"extra", table.count(Difference::kExtra)},
               {"differing", table.count(Difference::kDiffering)},
               {"in_flight", table.in_flight},
               {"unread", table.unread},
               {"repeated", table.repeated},
               {"too_large", LargeJson(table)},
               {"columns_not_compared", table.table->left_out},
               {"narrowed", NarrowedJson(*table.table)}};
  json["rows"] = std::move(rows);
  return json;
}

std::string WhyText(const DivergentRow& row) {
  switch (row.why) {
    case Why::kAltered:
      return "the target was altered, the log holds what the source has";
    case Why::kParked:
      return "parked in the quarantine, " + row.reason;
    case Why::kKept:
      return "kept as the target had it, " + row.reason;
    case Why::kMissed:
      return row.target_is_log ? "the log lacks what the source has, the target is as the log"
                               : "the log lacks what the source has, and the target was altered";
    case Why::kNoCursor:
      return "its cursor column is NULL at the source, so capture does not see it";
    case Why::kGone:
      return "gone from the source, and the log was not told: polling alone sees no deletions";
  }
  return "";
}

}  // namespace

std::string RowText(const VerifiedTable& table, const DivergentRow& row) {
  const std::string key = Dump(KeyJson(table.table->target, row.pair.key.target));
  const std::string columns =
      row.columns.empty() ? "" : fmt::format(" in {}", fmt::join(row.columns, ", "));
  return fmt::format("{} {}: {}{}: {}", table.table->name(), key, DifferenceName(row.difference),
                     columns, WhyText(row));
}

std::string_view MendText(const DivergentRow& row, RepairStep mend) {
  const bool gone = row.difference == Difference::kExtra;
  const bool in_log = row.logged && !row.logged->deleted();
  switch (mend) {
    case RepairStep::kWrite:
      return in_log ? "written on the target as the log has it" : "deleted on the target";
    case RepairStep::kRecapture:
      return gone ? "logged as deleted, which apply carries on"
                  : "read again at the source into the log, which apply carries on";
    case RepairStep::kBoth:
      return gone ? "written as the log has it, then logged as deleted, which apply carries on"
                  : "written as the log has it, then read again at the source into the log";
    case RepairStep::kLeave:
      return "left alone";
  }
  return "";
}

Json FindingsJson(const VerifyResult& findings, uint64_t rows_max) {
  Json tables = Json::array();
  for (const VerifiedTable& table : findings.tables) tables.push_back(TableJson(table, rows_max));
  return {{"pipeline", findings.pipeline},
          {"equal", findings.equal()},
          {"in_flight", findings.in_flight()},
          {"log_id", findings.progress.log_id},
          {"next_offset", findings.progress.next.value()},
          {"log_end", findings.end.value()},
          {"tables", std::move(tables)}};
}

void PrintFindings(const VerifyResult& findings, uint64_t rows_max, Terminal& out) {
  TextTable table({{"TABLE"},
                   {"EQUAL", true},
                   {"MISSING", true},
                   {"EXTRA", true},
                   {"DIFFERING", true},
                   {"IN FLIGHT", true}});
  for (const VerifiedTable& one : findings.tables) {
    table.Add(
        {one.table->name(), FormatCount(one.equal), FormatCount(one.count(Difference::kMissing)),
         FormatCount(one.count(Difference::kExtra)), FormatCount(one.count(Difference::kDiffering)),
         FormatCount(one.in_flight)},
        one.is_equal() ? Style::kPlain : Style::kBad);
  }
  const bool narrowed = std::ranges::any_of(
      findings.tables, [](const VerifiedTable& one) { return !one.table->narrowed.empty(); });
  out.Line(findings.pipeline + ": " + OutcomeText(findings.equal(), narrowed));
  table.Print(out);
  for (const VerifiedTable& one : findings.tables) {
    uint64_t told = 0;
    for (const DivergentRow& row : one.rows) {
      if (rows_max > 0 && told == rows_max) {
        out.Line(fmt::format("  .. and {} more of {}", FormatCount(one.rows.size() - told),
                             one.table->name()));
        break;
      }
      out.Line("  " + RowText(one, row));
      ++told;
    }
    for (const TableComparison::LargeRow& row : one.large) {
      const std::string why =
          row.bytes == 0 ? fmt::format("the {} cannot give its text as UTF-8",
                                       row.at_source ? "source" : "target")
                         : fmt::format("{} at the {} are more than max_row", FormatBytes(row.bytes),
                                       row.at_source ? "source" : "target");
      out.Line(fmt::format("  {} {}: not compared, {}", one.table->name(),
                           Dump(KeyJson(one.table->target, row.key)), why));
    }
    if (one.repeated > 0) {
      out.Line(
          fmt::format("  {}: {} rows of the source have the key of another one, and only one "
                      "of each key can be on the target",
                      one.table->name(), FormatCount(one.repeated)));
    }
    if (one.unread > 0) {
      out.Line(fmt::format("  {}: there are more, among {} rows that were not looked at closely",
                           one.table->name(), FormatCount(one.unread)));
    }
    if (one.in_flight > 0) {
      out.Line(fmt::format("  {}: {} not compared, apply has yet to bring what the log has of them",
                           one.table->name(), FormatCount(one.in_flight)));
    }
    if (!one.table->left_out.empty()) {
      out.Line(fmt::format("  {}: not compared, for the target has no such column: {}",
                           one.table->name(), fmt::join(one.table->left_out, ", ")));
    }
    PrintNarrowed(*one.table, out);
  }
}

}  // namespace syncline::cli
