#include "tools/verify/replica_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/verify/narrowed_report.h"

namespace syncline::cli {
namespace {

const std::string& WinnerOf(const ReplicaResult& findings, const ReplicaDifference& row) {
  return row.first_wins ? findings.first : findings.second;
}

Json RowOrNull(const TableSchema& schema, const std::optional<Row>& row) {
  return row ? RowJson(schema, *row) : Json(nullptr);
}

std::string RowText(const ReplicaResult& findings, const ReplicaTable& table,
                    const ReplicaDifference& row, bool merge) {
  std::string what = "differs";
  if (!row.pair.target) what = "only in " + findings.first;
  if (!row.pair.source) what = "only in " + findings.second;
  if (merge) what += fmt::format(": {}'s state goes to both", WinnerOf(findings, row));
  return fmt::format("{} {}: {}", table.table->name(),
                     Dump(KeyJson(table.table->target, row.pair.key.target)), what);
}

uint64_t WonBy(const ReplicaTable& table, bool first) {
  uint64_t count = 0;
  for (const ReplicaDifference& row : table.rows) {
    count += row.pair.source && row.pair.target && row.first_wins == first;
  }
  return count;
}

}  // namespace

Json ReplicasJson(const ReplicaResult& findings, uint64_t rows_max, bool merge) {
  Json tables = Json::array();
  for (const ReplicaTable& table : findings.tables) {
    Json rows = Json::array();
    for (const ReplicaDifference& row : table.rows) {
      if (rows_max > 0 && rows.size() == rows_max) break;
      Json& json = rows.emplace_back();
      json["key"] = KeyJson(table.table->target, row.pair.key.target);
      json[findings.first] = RowOrNull(*table.table->schema, row.pair.source);
      json[findings.second] = RowOrNull(table.table->target, row.pair.target);
      if (merge) json["winner"] = WinnerOf(findings, row);
    }
    tables.push_back({{"table", table.table->name()},
                      {"equal", table.equal},
                      {"missing", table.first_only()},
                      {"extra", table.second_only()},
                      {"differing", table.differing()},
                      {"in_flight", table.in_flight},
                      {"unread", table.unread},
                      {"narrowed", NarrowedJson(*table.table)},
                      {"rows", std::move(rows)}});
    if (!merge) continue;
    tables.back()["wins"] = {{findings.first, WonBy(table, true)},
                             {findings.second, WonBy(table, false)}};
  }
  return {{"pipeline", findings.pipeline},
          {"equal", findings.equal()},
          {"between", {findings.first, findings.second}},
          {"tables", std::move(tables)}};
}

void PrintReplicas(const ReplicaResult& findings, uint64_t rows_max, bool merge, Terminal& out) {
  std::vector<TextTable::Header> headers{{"TABLE"},
                                         {"EQUAL", true},
                                         {"ONLY IN " + findings.first, true},
                                         {"ONLY IN " + findings.second, true},
                                         {"DIFFERING", true}};
  if (merge) {
    headers.push_back({findings.first + " WINS", true});
    headers.push_back({findings.second + " WINS", true});
  } else {
    headers.push_back({"IN FLIGHT", true});
  }
  TextTable table(std::move(headers));
  for (const ReplicaTable& one : findings.tables) {
    std::vector<std::string> cells{one.table->name(), FormatCount(one.equal),
                                   FormatCount(one.first_only()), FormatCount(one.second_only()),
                                   FormatCount(one.differing())};
    if (merge) {
      cells.push_back(FormatCount(WonBy(one, true)));
      cells.push_back(FormatCount(WonBy(one, false)));
    } else {
      cells.push_back(FormatCount(one.in_flight));
    }
    table.Add(std::move(cells), one.rows.empty() && one.unread == 0 ? Style::kPlain : Style::kBad);
  }
  const bool narrowed = std::ranges::any_of(
      findings.tables, [](const ReplicaTable& one) { return !one.table->narrowed.empty(); });
  out.Line(findings.pipeline + ": " + OutcomeText(findings.equal(), narrowed));
  table.Print(out);
  for (const ReplicaTable& one : findings.tables) {
    uint64_t told = 0;
    for (const ReplicaDifference& row : one.rows) {
      if (rows_max > 0 && told == rows_max) {
        out.Line(fmt::format("  .. and {} more of {}", FormatCount(one.rows.size() - told),
                             one.table->name()));
        break;
      }
      out.Line("  " + RowText(findings, one, row, merge));
      ++told;
    }
    if (one.unread > 0) {
      out.Line(fmt::format("  {}: there are more, among {} rows that were not looked at closely",
                           one.table->name(), FormatCount(one.unread)));
    }
    PrintNarrowed(*one.table, out);
  }
}

}  // namespace syncline::cli
