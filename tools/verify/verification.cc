#include "tools/verify/verification.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "apply/state/own_tables.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "engine/log/log_catalog.h"
#include "tools/service/source_poll.h"
#include "tools/status/log_history.h"
#include "tools/verify/divergence_diagnosis.h"
#include "tools/verify/server_sums.h"

namespace syncline::cli {
namespace {

// Cuts after the first; a row that is in flight in all of them is reported as that.
constexpr int kRoundsMax = 6;
// Cuts in which a row has to differ, without being in flight.
constexpr int kSeenMin = 2;
constexpr Microseconds kLookPause = std::chrono::milliseconds(20);

// Tables that polls leave alone until it is time: what is compared is what they are now.
std::vector<capture::RowKeys> TablesToLookAt(const SourcePlan& source) {
  std::vector<capture::RowKeys> tables;
  for (const capture::TableSpec& spec : source.tables) {
    if (spec.method == capture::CaptureMethod::kCompare) tables.push_back({spec.table, {}});
  }
  return tables;
}

std::optional<apply::Progress> ProgressOf(sql::Session& target, const std::string& pipeline) {
  if (!apply::HasOwnTable(target, apply::kProgressTable)) return {};
  return apply::ReadProgress(target, pipeline);
}

}  // namespace

Verification::Verification(const SourcePlan& source, const PipelinePlan& pipeline,
                           const std::string& table, Options options, Clock& clock,
                           std::shared_ptr<Logger> logger)
    : source_plan_(source),
      pipeline_(pipeline),
      options_(options),
      clock_(clock),
      logger_(std::move(logger)),
      log_(pipeline.log->OpenReader(clock)) {
  const sql::SessionOptions reading{.read_only = true, .application = "syncline verify"};
  target_ = sql::Session::Open(pipeline.target_url, reading);
  forms_ = sql::Session::Open(pipeline.target_url, reading);
  source_ = sql::Session::Open(source.url, reading);
  const std::optional<FrameHeader> last = log_->Last();
  const capture::KnownKinds known = last ? capture::KindsIn(last->cursor) : capture::KnownKinds();
  std::vector<std::string> names;
  for (const apply::TableMapping& mapping : pipeline.tables) {
    names.push_back(mapping.source.ToString());
    if (!IsNamed(mapping.source, table)) continue;
    const auto spec = std::ranges::find(source.tables, mapping.source, &capture::TableSpec::table);
    tables_.push_back(DescribeCompared(*source_, *target_, *spec, mapping, known));
  }
  if (tables_.empty()) {
    throw UsageError(
        fmt::format("pipeline {} has no table {}", pipeline.name, table),
        fmt::format("its tables, as the source names them: {}", fmt::join(names, ", ")));
  }
  const bool far = ServerSums::IsFar(*source_) || ServerSums::IsFar(*target_);
  const auto by =
      options_.by.value_or(far ? TableComparison::By::kSums : TableComparison::By::kRows);
  for (const ComparedTable& compared : tables_) {
    comparisons_.emplace_back(TableComparison::Sides{*source_, *target_, *forms_}, compared,
                              comparisons_.size(), options_.limits, by);
  }
}

Verification::~Verification() = default;

void Verification::EndCut() {
  in_target_.reset();
  in_source_.reset();
}

void Verification::TakeCut() {
  EndCut();
  in_target_.emplace(*target_, sql::Session::Isolation::kSnapshot);
  std::optional<apply::Progress> progress = ProgressOf(*target_, pipeline_.name);
  if (!progress) {
    throw UsageError(fmt::format("pipeline {} has not been applied to {} yet", pipeline_.name,
                                 pipeline_.target_url.display),
                     "`syncline run` or `syncline apply` begins it");
  }
  progress_ = *std::move(progress);
  apply::CheckFollows(progress_, log_->info(), pipeline_.target_url.display);
  in_source_.emplace(*source_, sql::Session::Isolation::kSnapshot);
  source_->Query("SELECT 1");  // PostgreSQL takes the snapshot with the first statement
  end_ = PollSource(source_plan_, TablesToLookAt(source_plan_), clock_, logger_);
  if (progress_.next <= end_) return;
  throw DamageError(fmt::format("{} holds pipeline {} up to offset {}, but the log ends at {}",
                                pipeline_.target_url.display, pipeline_.name,
                                progress_.next.value(), end_.value()),
                    "The log has lost changes, or is an old copy. Restore the newest copy of it.");
}

VerifyResult Verification::Run() {
  VerifyResult findings{.pipeline = pipeline_.name};
  std::deque<Open> open = FindAll(findings);
  Settle(std::move(open), findings);
  return findings;
}

VerifyResult Verification::Again(const VerifyResult& before) {
  VerifyResult findings{.pipeline = pipeline_.name};
  std::deque<Open> open;
  for (size_t table = 0; table < tables_.size(); ++table) {
    findings.tables.push_back({.table = &tables_[table]});
    for (const DivergentRow& row : before.tables.at(table).rows) {
      open.push_back({.table = table, .pair = row.pair});
    }
  }
  TakeCut();
  findings.progress = progress_;
  findings.end = end_;
  Settle(LookAgain(std::move(open), findings), findings);
  return findings;
}

std::deque<Verification::Open> Verification::FindAll(VerifyResult& findings) {
  TakeCut();
  findings.progress = progress_;
  findings.end = end_;
  std::deque<Open> open;
  for (size_t table = 0; table < tables_.size(); ++table) {
    InContext(tables_[table].name(), [&] {
      TableComparison::Suspects found = comparisons_[table].Find();
      VerifiedTable& counts = findings.tables.emplace_back();
      counts.table = &tables_[table];
      std::vector<RowPair> pairs = comparisons_[table].Read(found.keys);
      const auto at_source = static_cast<uint64_t>(std::ranges::count_if(
          pairs, [](const RowPair& pair) { return pair.source.has_value(); }));
      counts.unread = std::max(found.left_source_rows, found.left_target_rows) +
                      (found.keys.size() - pairs.size());
      const uint64_t apart =
          at_source + found.left_source_rows + (found.keys.size() - pairs.size());
      counts.repeated = found.repeated;
      const uint64_t others = apart + found.repeated;
      counts.equal = found.source_rows - std::min(found.source_rows, others);
      Keep(table, std::move(pairs), findings, open);
    });
  }
  return open;
}

void Verification::Keep(size_t table, std::vector<RowPair> pairs, VerifyResult& findings,
                        std::deque<Open>& open) const {
  for (RowPair& pair : pairs) {
    if (!pair.equal()) {
      open.push_back({.table = table, .pair = std::move(pair)});
    } else if (pair.source) {
      ++findings.tables[table].equal;
    }
  }
}

void Verification::Settle(std::deque<Open> open, VerifyResult& findings) {
  bool moves = true;  // the target, as far as it was waited for
  for (int round = 0;; ++round) {
    Mark(open);
    const bool in_flight = std::ranges::any_of(open, &Open::in_flight);
    const bool unsure = std::ranges::any_of(
        open, [](const Open& row) { return !row.in_flight && row.seen < kSeenMin; });
    if (round == kRoundsMax || (!unsure && !(in_flight && moves))) break;
    EndCut();
    if (in_flight && moves) moves = WaitForTarget(end_);
    if (!unsure && !moves) break;
    TakeCut();
    open = LookAgain(std::move(open), findings);
  }
  EndCut();
  for (size_t table = 0; table < tables_.size(); ++table) {
    findings.tables[table].large = comparisons_[table].large_rows();
  }
  Explain(std::move(open), findings);
}

// What of it is in flight, by the cut at hand. Rows that are sure are left as they are.
void Verification::Mark(std::deque<Open>& open) {
  const auto is_open = [](const Open& row) { return row.seen < kSeenMin; };
  if (std::ranges::none_of(open, is_open)) return;
  LogHistory tail(*log_, progress_.next);
  for (const Open& row : open) {
    if (is_open(row)) tail.Want(tables_[row.table].schema->table, row.pair.key.source);
  }
  tail.Read(progress_.next, end_);
  for (Open& row : open) {
    if (!is_open(row)) continue;
    row.at = progress_.next;
    row.end = end_;
    row.in_flight =
        tail.IsTouched(tables_[row.table].schema->table, row.pair.key.source, row.at, row.end);
    if (!row.in_flight) ++row.seen;
  }
}

// In the cut at hand, by their keys: what is equal now is counted and dropped.
std::deque<Verification::Open> Verification::LookAgain(std::deque<Open> open,
                                                       VerifyResult& findings) {
  std::deque<Open> left;
  for (size_t table = 0; table < tables_.size(); ++table) {
    std::vector<RowKey> keys;
    std::vector<int> seen;
    for (Open& row : open) {
      if (row.table != table) continue;
      if (row.seen >= kSeenMin) {
        left.push_back(std::move(row));
      } else {
        keys.push_back(row.pair.key);
        seen.push_back(row.seen);
      }
    }
    std::vector<RowPair> pairs = comparisons_[table].Read(keys);
    findings.tables[table].unread += keys.size() - pairs.size();
    for (size_t i = 0; i < pairs.size(); ++i) {
      if (!pairs[i].equal()) {
        left.push_back({.table = table, .pair = std::move(pairs[i]), .seen = seen[i]});
      } else if (pairs[i].source) {
        ++findings.tables[table].equal;
      }
    }
  }
  return left;
}

// False: it does not come there, nobody moves it.
bool Verification::WaitForTarget(Offset end) {
  Offset at = progress_.next;
  uint64_t hash = progress_.frame_hash;
  Microseconds moved = clock_.Monotonic();
  while (clock_.Monotonic() - moved < options_.wait) {
    const std::optional<apply::Progress> now = ProgressOf(*target_, pipeline_.name);
    if (!now) return false;
    if (now->next >= end) return true;
    if (now->next != at || now->frame_hash != hash) moved = clock_.Monotonic();
    at = now->next;
    hash = now->frame_hash;
    clock_.Sleep(kLookPause, {});
  }
  return false;
}

void Verification::Explain(std::deque<Open> open, VerifyResult& findings) {
  std::vector<std::vector<Differing>> rows(tables_.size());
  Offset from = end_;
  for (Open& row : open) {
    if (row.in_flight || row.seen < kSeenMin) {
      ++findings.tables[row.table].in_flight;
    } else {
      from = std::min(from, row.at);
      rows[row.table].push_back({std::move(row.pair), row.at});
    }
  }
  DivergenceDiagnosis explanation(*log_, *target_, pipeline_, from);
  for (size_t table = 0; table < tables_.size(); ++table) {
    explanation.Want(tables_[table], rows[table]);
  }
  explanation.Read();
  for (size_t table = 0; table < tables_.size(); ++table) {
    findings.tables[table].in_flight += explanation.Explain(
        comparisons_[table], tables_[table], std::move(rows[table]), findings.tables[table].rows);
  }
}

}  // namespace syncline::cli
