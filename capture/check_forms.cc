#include "capture/check_forms.h"

#include <fmt/format.h>

#include "capture/stamp_forms.h"
#include "engine/sql/dialect.h"

namespace syncline::capture {
namespace {

using Level = Finding::Level;
using Scan = StampForms::Scan;

// The last ones as they are stored, and the first that come.
constexpr uint64_t kSampleRows = 10'000;

StampForms SampleOf(sql::Session& session, const TablePlan& plan) {
  const sql::Sql rows =
      sql::Format("SELECT {} AS c FROM {}{}", plan.cursor_sql(), plan.from(),
                  plan.where.empty() ? sql::Sql() : " WHERE " + plan.where);
  const auto found = session.Query(
      sql::Format("SELECT DISTINCT syncline_form(c) FROM (SELECT c FROM ({0} ORDER BY 1 DESC LIMIT "
                  "{1}) UNION ALL SELECT c FROM ({0} LIMIT {1}))",
                  rows, kSampleRows));
  StampForms forms;
  for (const auto& row : found.rows) {
    if (const auto form = StampFormNamed(row.at(0).value_or(""))) forms.AddForm(*form);
  }
  return forms;
}

}  // namespace

std::optional<Finding> CheckForms(sql::Session& session, const TablePlan& plan) {
  if (plan.cursor_kind != CursorKind::kStored) return std::nullopt;
  const StampForms forms = SampleOf(session, plan);
  if (forms.empty()) return std::nullopt;
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
