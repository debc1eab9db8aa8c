#include "capture/check/check_forms.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "capture/cursor/stamp_forms.h"
#include "engine/sql/dialect.h"

namespace syncline::capture {
namespace {

using Level = CheckResult::Level;
using Scan = StampForms::Scan;

// The last ones as they are stored, and the first that come.
constexpr uint64_t kSampleRows = 10'000;
constexpr uint64_t kStraysNamed = 10;

using Counts = std::vector<std::pair<StampForm, uint64_t>>;

Counts SampleOf(sql::Session& session, const CapturePlan& plan) {
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

// Rows whose stamps have none of the forms of the others, with the statement that shows them: they
// are named by their keys, since SQLite itself takes a day that does not exist for the next one.
std::string ShowStrays(sql::Session& session, const CapturePlan& plan, const Counts& counts,
                       const StampForms& forms) {
  std::vector<sql::Sql> names;
  for (const auto& [form, count] : counts) {
    if (forms.Refuses(form)) names.push_back(sql::TextLiteral(NameOf(form), plan.schema->dialect));
  }
  TableSchema key{.table = plan.schema->table, .dialect = plan.schema->dialect};
  for (const uint32_t column : plan.schema->key) {
    key.key.push_back(static_cast<uint32_t>(key.columns.size()));
    key.columns.push_back(plan.schema->columns[column]);
  }
  const sql::Sql strays =
      sql::Format("syncline_form({}) IN ({})", plan.cursor_sql(), sql::Join(names, ", "));
  std::vector<Row> keys;
  session.ReadRows({.schema = key,
                    .where = And(plan.where, strays),
                    .limit = kStraysNamed + 1,
                    .from = plan.from()},
                   [&](Row& row) { keys.push_back(row); });
  const bool are_more = keys.size() > kStraysNamed;
  if (are_more) keys.pop_back();
  return (are_more ? "these are some of them: " : "these are they: ") +
         sql::Format("SELECT * FROM {} WHERE {}", plan.from(),
                     sql::IsOneOf(plan.key_columns(), keys, plan.schema->dialect))
             .ToString() +
         "; give each a time that exists, without blanks around it";
}

}  // namespace

std::optional<CheckResult> CheckForms(sql::Session& session, const CapturePlan& plan) {
  if (plan.cursor_kind != CursorKind::kStored) return std::nullopt;
  const Counts counts = SampleOf(session, plan);
  const StampForms forms = StampForms::OfSample(counts);
  if (forms.empty()) return std::nullopt;
  const bool strays =
      std::ranges::any_of(counts, [&](const auto& count) { return forms.Refuses(count.first); });
  if (strays) {
    return CheckResult{
        Level::kWarn, plan.name(),
        fmt::format("there are rows whose stamp in {} is no moment, while others' are "
                    "({}): they stay at the source",
                    plan.cursor_sql().text(), forms.Describe()),
        ShowStrays(session, plan, counts, forms)};
  }
  constexpr char kRemedy[] =
      "write all stamps in one form, such as strftime('%Y-%m-%d %H:%M:%f', 'now')";
  switch (forms.scan()) {
    case Scan::kRange:
      return CheckResult{
          Level::kPass, plan.name(), fmt::format("stamps are read as {}", forms.Describe()), {}};
    case Scan::kWindow:
      return CheckResult{
          Level::kWarn, plan.name(),
          fmt::format("stamps have several forms ({}): polls read what is stored from 16 hours "
                      "before the last day on, and drop what they know",
                      forms.Describe()),
          kRemedy};
    case Scan::kAll:
      break;
  }
  return CheckResult{
      Level::kWarn, plan.name(),
      fmt::format("stamps have several forms, of which not all can be told in time ({}): "
                  "all rows are captured, and polls look at every stamp",
                  forms.Describe()),
      kRemedy};
}

}  // namespace syncline::capture
