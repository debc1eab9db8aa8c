#include "tools/verify/divergence_diagnosis.h"

#include <fmt/format.h>

#include <utility>

#include "apply/state/own_tables.h"
#include "apply/state/row_image.h"
#include "engine/base/json.h"

namespace syncline::cli {
namespace {

// The same for equal objects, however a database has written them.
std::string Canonical(const std::string& json) {
  Json parsed = Json::parse_or_null(json);
  parsed.SortMembers();
  return parsed.dump(Json::Form::kReplace);
}

// As syncline_conflicts names a row.
std::string KeyImage(const ComparedTable& table, const Row& key) {
  std::vector<Column> columns;
  for (const uint32_t column : table.target.key) columns.push_back(table.target.columns[column]);
  return Canonical(apply::RowImage(columns, key));
}

// Whether what the log has of a row is, in the compared columns, what the source has.
bool IsSource(const ComparedTable& table, const LoggedState& logged, const Row& source) {
  if (*logged.schema == *table.schema) return logged.row == source;
  for (const uint32_t column : table.take) {
    const int place = logged.schema->Find(table.schema->columns[column].name);
    if (place < 0 || !(logged.row[static_cast<size_t>(place)] == source[column])) return false;
  }
  return true;
}

// The compared columns as the log has them; `has` tells which of them it has at all.
Row ComparedOf(const ComparedTable& table, const LoggedState& logged, std::vector<bool>& has) {
  Row whole;
  std::vector<bool> known(table.schema->columns.size());
  for (size_t i = 0; i < table.schema->columns.size(); ++i) {
    const int place = logged.schema->Find(table.schema->columns[i].name);
    known[i] = place >= 0;
    whole.Append(known[i] ? logged.row[static_cast<size_t>(place)] : ValueView::Null());
  }
  for (const uint32_t column : table.take) has.push_back(known[column]);
  return AsOnTarget(table, whole);
}

}  // namespace

DivergenceDiagnosis::DivergenceDiagnosis(LogReader& log, sql::Session& target,
                                         const PipelinePlan& pipeline, Offset from)
    : log_(log), target_(target), pipeline_(pipeline), history_(log, from) {}

void DivergenceDiagnosis::Want(const ComparedTable& table, const std::vector<Differing>& rows) {
  for (const Differing& row : rows) history_.Want(table.schema->table, row.pair.key.source);
  any_ = any_ || !rows.empty();
}

void DivergenceDiagnosis::Read() {
  if (!any_) return;
  history_.Read(Offset(), log_.end());
  if (apply::HasOwnTable(target_, apply::kQuarantineTable)) {
    for (apply::ParkedChange& parked : apply::ReadQuarantine(target_, pipeline_.name)) {
      if (parked.waiting_for) continue;
      const std::pair key(parked.step.schema->table, parked.step.change.key.bytes());
      parked_.insert_or_assign(key, std::move(parked));
    }
  }
  for (apply::ConflictRecord& conflict : apply::ListConflicts(
           pipeline_.target_url, {.id = {}, .pipeline = pipeline_.name, .resolved_too = true})) {
    const std::pair key(conflict.table, Canonical(conflict.key));
    conflicts_.try_emplace(key, std::move(conflict));  // latest first
  }
}

uint64_t DivergenceDiagnosis::Explain(TableComparison& comparison, const ComparedTable& table,
                                      std::vector<Differing> rows,
                                      std::vector<DivergentRow>& findings) const {
  const size_t first = findings.size();
  uint64_t unknown = 0;
  for (Differing& row : rows) {
    // What the source has no more stays there on purpose.
    const bool is_kept =
        table.mapping.on_delete == apply::OnDelete::kIgnore && !row.pair.source && row.pair.target;
    if (is_kept) continue;
    if (history_.Knows(table.schema->table, row.pair.key.source, row.at)) {
      findings.push_back(Judge(table, std::move(row)));
    } else {
      ++unknown;
    }
  }
  CompareWithLog(comparison, table, findings, first);
  for (size_t i = first; i < findings.size(); ++i) Excuse(table, findings[i]);
  return unknown;
}

DivergentRow DivergenceDiagnosis::Judge(const ComparedTable& table, Differing row) const {
  DivergentRow finding{.pair = std::move(row.pair)};
  const RowPair& pair = finding.pair;
  finding.difference = !pair.target   ? Difference::kMissing
                       : !pair.source ? Difference::kExtra
                                      : Difference::kDiffering;
  const LoggedState* logged = history_.Before(table.schema->table, pair.key.source, row.at);
  if (logged != nullptr) finding.logged = *logged;
  const bool in_log = logged != nullptr && !logged->deleted();
  finding.log_is_source = pair.source ? in_log && IsSource(table, *logged, *pair.source) : !in_log;
  if (pair.wanted && pair.target) {
    for (size_t i = 0; i < table.target.columns.size(); ++i) {
      if (!IsSameOnTarget(table, i, (*pair.wanted)[i], (*pair.target)[i])) {
        finding.columns.push_back(table.target.columns[i].name);
      }
    }
  }
  return finding;
}

// Where the log is not the source, whether at least the target is the log.
void DivergenceDiagnosis::CompareWithLog(TableComparison& comparison, const ComparedTable& table,
                                         std::vector<DivergentRow>& findings, size_t first) const {
  std::vector<Row> rows;
  std::vector<std::vector<bool>> has;
  std::vector<size_t> of;
  for (size_t i = first; i < findings.size(); ++i) {
    DivergentRow& finding = findings[i];
    if (finding.log_is_source) continue;
    const bool in_log = finding.logged && !finding.logged->deleted();
    if (in_log && finding.pair.target) {
      rows.push_back(ComparedOf(table, *finding.logged, has.emplace_back()));
      of.push_back(i);
    } else {
      finding.target_is_log = in_log == finding.pair.target.has_value();
    }
  }
  const std::vector<std::optional<Row>> forms = comparison.FormsOf(rows);
  for (size_t i = 0; i < of.size(); ++i) {
    DivergentRow& finding = findings[of[i]];
    finding.target_is_log = forms[i].has_value();
    for (size_t column = 0; forms[i] && column < has[i].size(); ++column) {
      if (has[i][column] &&
          !IsSameOnTarget(table, column, (*forms[i])[column], (*finding.pair.target)[column])) {
        finding.target_is_log = false;
      }
    }
  }
}

void DivergenceDiagnosis::Excuse(const ComparedTable& table, DivergentRow& finding) const {
  if (!finding.log_is_source) {
    const bool no_cursor = finding.pair.source && table.schema->has_cursor() &&
                           table.schema->VersionOf(*finding.pair.source).is_null();
    finding.why = no_cursor ? Why::kNoCursor : finding.pair.source ? Why::kMissed : Why::kGone;
    return;
  }
  const auto parked = parked_.find({table.schema->table, finding.pair.key.source.bytes()});
  if (parked != parked_.end()) {
    finding.why = Why::kParked;
    finding.reason = fmt::format("change {}: {}", parked->second.id, parked->second.reason);
    return;
  }
  if (!finding.logged) return;
  const auto met =
      conflicts_.find({table.target.table.ToString(), KeyImage(table, finding.pair.key.target)});
  if (met == conflicts_.end() || met->second.winner != "target" ||
      met->second.log_id != log_.info().id.ToString() ||
      met->second.offset != std::to_string(finding.logged->offset.value())) {
    return;
  }
  finding.why = Why::kKept;
  finding.reason = fmt::format("conflict {}, {}", met->second.id, met->second.rule);
}

}  // namespace syncline::cli
