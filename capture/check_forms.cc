#include "capture/check_forms.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "capture/stamp_forms.h"
#include "engine/sql/dialect.h"

namespace syncline::capture {
namespace {

using Level = Finding::Level;
using Scan = StampForms::Scan;

// The last ones as they are stored, and the first that come.
constexpr uint64_t kSampleRows = 10'000;

using Counts = std::vector<std::pair<StampForm, uint64_t>>;

Counts SampleOf(sql::Session& session, const TablePlan& plan) {
  const sql::Sql rows = sql::Format("SELECT {} AS c FROM {}{}", plan.cursor_sql(), plan.from(),
                                    plan.where.empty() ? sql::Sql() : " WHERE " + plan.where);
  const auto found = session.Query(
      sql::Format("SELECT form, count(*) FROM (SELECT syncline_form(c) AS form FROM (SELECT c FROM "
                  "({0} ORDER BY 1 DESC LIMIT {1}) UNION ALL SELECT c FROM ({0} LIMIT {1}))) GROUP "
                  "BY form",
                  rows, kSampleRows));
  Counts counts;
  for (const auto& row : found.rows) {
    const auto form = StampFormNamed(row.at(0).value_or(""));
    if (form) counts.emplace_back(*form, std::stoull(row.at(1).value()));
  }
  return counts;
}

}  // namespace

std::optional<Finding> CheckForms(sql::Session& session, const TablePlan& plan) {
  if (plan.cursor_kind != CursorKind::kStored) return std::nullopt;
  const Counts counts = SampleOf(session, plan);
  const StampForms forms = StampForms::OfSample(counts);
  if (forms.empty()) return std::nullopt;
  const bool strays =
      std::ranges::any_of(counts, [&](const auto& count) { return forms.Refuses(count.first); });
  if (strays) {
    return Finding{
        Level::kWarn, plan.name(),
        fmt::format("there are rows whose stamp in {} is no moment, while others' are "
                    "({}): they stay at the source",
                    plan.cursor_sql().text(), forms.Describe()),
        "find them with: " + sql::Format("SELECT * FROM {0} WHERE julianday({1}) IS NULL",
                                         plan.from(), plan.cursor_sql())
                                 .ToString()};
  }
  constexpr char kRemedy[] =
      "write all stamps in one form, such as strftime('%Y-%m-%d %H:%M:%f', 'now')";
  switch (forms.scan()) {
    case Scan::kRange:
      return Finding{
          Level::kPass, plan.name(), fmt::format("stamps are read as {}", forms.Describe()), {}};
    case Scan::kWindow:
      return Finding{
          Level::kWarn, plan.name(),
          fmt::format("stamps have several forms ({}): polls read what is stored from 16 hours "
                      "before the last day on, and drop what they know",
                      forms.Describe()),
          kRemedy};
    case Scan::kAll:
      break;
  }
  return Finding{
      Level::kWarn, plan.name(),
      fmt::format("stamps have several forms, of which not all can be told in time ({}): "
                  "polls look at every stamp",
                  forms.Describe()),
      kRemedy};
}

}  // namespace syncline::capture
