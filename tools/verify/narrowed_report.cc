#include "tools/verify/narrowed_report.h"

#include <fmt/format.h>

namespace syncline::cli {

Json NarrowedJson(const ComparedTable& table) {
  Json columns = Json::array();
  for (const apply::Narrowing& one : table.narrowed) {
    columns.push_back({{"column", one.column},
                       {"source_type", one.from},
                       {"compared_as", one.to},
                       {"becomes", one.becomes}});
  }
  return columns;
}

void PrintNarrowed(const ComparedTable& table, Terminal& out) {
  for (const apply::Narrowing& one : table.narrowed) {
    out.Line(fmt::format("  {}: column {} is compared as {}, by which what comes as {} is {}",
                         table.name(), one.column, one.to, one.from, one.becomes));
  }
}

StyledText OutcomeText(bool equal, bool narrowed) {
  if (!equal) return StyledText("not equal", Style::kBad);
  return StyledText(narrowed ? "equal, as far as the target's types hold it" : "equal",
                    Style::kGood);
}

}  // namespace syncline::cli
