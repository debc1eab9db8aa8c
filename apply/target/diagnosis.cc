#include "apply/target/diagnosis.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <ranges>

#include "apply/rules/bisect.h"
#include "engine/base/check.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/sql_dialect.h"

namespace syncline::apply {
namespace {

// So many changes of a table, and none accepted: others from all over the table are asked.
constexpr size_t kNoneOfMany = 100;
constexpr size_t kProbes = 10;
// So many are enough where they are all that there are, for a table that has no row yet.
constexpr size_t kNoneOfAll = 10;
// Each brings at least one change more; a chain of references in the worst order needs one for each
// of its links.
constexpr int kRoundsMax = 100;

// One savepoint is open from the first try on: each try ends with one statement.
constexpr char kSavepoint[] = "SAVEPOINT syncline_try";
constexpr char kKeep[] = "RELEASE SAVEPOINT syncline_try; SAVEPOINT syncline_try";
// PostgreSQL's form of Session::CheckDeferred before it.
constexpr char kCheckAndKeep[] =
    "SET CONSTRAINTS ALL IMMEDIATE; RELEASE SAVEPOINT syncline_try; SAVEPOINT syncline_try";
constexpr char kUndo[] = "ROLLBACK TO SAVEPOINT syncline_try";

// Whether other rows of the batch can make good what was refused.
bool DependsOnOthers(const Refusal& refusal) {
  return refusal.kind == Refusal::Kind::kForeignKey || refusal.kind == Refusal::Kind::kUnique;
}

class Search {
 public:
  Search(sql::Session& session, std::span<const Portion> portions, uint64_t limit, bool check)
      : session_(session), portions_(portions), limit_(limit), check_(check) {}

  // Nothing when constraints among tables in a circle do not hold at the end.
  std::optional<BatchDiagnosis> Run() {
    for (size_t i = 0; i < portions_.size(); ++i) SearchPortion(i);
    for (int round = 0; round < kRoundsMax && TryAgain(round % 2 == 0); ++round) {
    }
    if (!check_ && !Holds()) return std::nullopt;
    if (findings_.refused.size() > limit_) throw TooMany(findings_.refused.back());
    return std::move(findings_);
  }

 private:
  // What was told of a change that was written with others.
  struct Named {
    size_t change;
    Error error;
  };

  // What was told of that change holds also when it is tried alone.
  static bool IsItsOwn(const Named& named) {
    const Refusal::Kind kind = named.error.refusal()->kind;
    return kind == Refusal::Kind::kValue || kind == Refusal::Kind::kNotNull;
  }

  // Writes the changes, or nothing of them and returns why not.
  std::optional<Error> Try(const Portion& portion, std::span<const RowChange> changes) {
    Savepoint(portion);
    try {
      portion.write(changes);
      Keep();
      return std::nullopt;
    } catch (const Error& error) {
      if (!error.refusal()) throw;
      session_.Execute(kUndo);
      return error;
    }
  }

  void Keep() {
    if (!check_) return session_.Execute(kKeep);
    sql::ForDialect(session_.dialect(),
                    sql::IfPostgres{[this] { session_.Execute(kCheckAndKeep); }},  //
                    sql::IfSqlite{[this] {
                      session_.CheckDeferred();
                      session_.Execute(kKeep);
                    }});
  }

  void Savepoint(const Portion& portion) {
    if (!std::exchange(open_, true)) session_.Execute(kSavepoint);
    if (!portion.in_cycle) return;
    session_.Execute(sql::DialectOf(session_).DeferConstraints());
  }

  bool Holds() {
    try {
      session_.CheckDeferred();
      return true;
    } catch (const Error& error) {
      if (!error.refusal()) throw;
      return false;
    }
  }

  void SearchPortion(size_t index) {
    const Portion& portion = portions_[index];
    const size_t refused_before = findings_.refused.size();
    std::optional<Error> last;
    std::optional<Named> named;
    size_t accepted = 0;
    FindRefused(
        portion.changes.size(),
        [&](size_t begin, size_t end) -> Trial {
          if (end - begin == 1 && named && named->change == begin && IsItsOwn(*named)) {
            last = named->error;
            return {};
          }
          last = Try(portion, portion.changes.subspan(begin, end - begin));
          if (!last) {
            accepted += end - begin;
            Accept(index, begin, end);
            const bool alone = end - begin == 1 && named && named->change == begin;
            if (alone && portion.accepts_alone) portion.accepts_alone();
            return {.accepted = true};
          }
          const auto& row = last->refusal()->row;
          if (!row) return {};
          if (end - begin > 1) named = {begin + *row, *last};
          return {.suspect = begin + *row};
        },
        [&](size_t change) {
          SYNCLINE_CHECK(last.has_value());
          Explain(portion, change, *last);
          findings_.refused.push_back({index, static_cast<uint32_t>(change), *last});
          // In a circle the order may be to blame: that is seen later.
          if (portion.in_cycle && DependsOnOthers(*last->refusal())) return;
          const size_t here = findings_.refused.size() - refused_before;
          if (accepted == 0 && here == kNoneOfMany) CheckOthers(portion, refused_before);
          if (findings_.refused.size() > limit_) throw TooMany(findings_.refused.back());
        });
    if (accepted == 0) CheckNewTable(portion, refused_before);
  }

  // Another way of writing may tell which column it is.
  void Explain(const Portion& portion, size_t change, Error& error) {
    if (error.refusal()->kind != Refusal::Kind::kValue || !error.refusal()->column.empty() ||
        !portion.write_by_copy) {
      return;
    }
    try {
      portion.write_by_copy(portion.changes.subspan(change, 1));
    } catch (const Error& told) {
      if (!told.refusal()) throw;
      if (!told.refusal()->column.empty()) error = told;
    }
    session_.Execute(kUndo);
  }

  // Everything from `first` on was refused. Are all changes of this table?
  void CheckOthers(const Portion& portion, size_t first) {
    const size_t size = portion.changes.size();
    for (size_t probe = 1; probe <= kProbes && size > kNoneOfMany; ++probe) {
      const size_t change = kNoneOfMany + (size - kNoneOfMany) * probe / kProbes - 1;
      Savepoint(portion);
      try {
        portion.write(portion.changes.subspan(change, 1));
        if (check_) session_.CheckDeferred();
        session_.Execute(kUndo);
        return;
      } catch (const Error& error) {
        if (!error.refusal()) throw;
        session_.Execute(kUndo);
      }
    }
    throw RefusesAll(portion, first);
  }

  // Everything of the portion was refused, from `first` on. Has the table ever taken a row? What
  // waits for other rows does not count.
  void CheckNewTable(const Portion& portion, size_t first) {
    if (portion.deletion || findings_.refused.size() - first < kNoneOfAll) return;
    for (size_t i = first; i < findings_.refused.size(); ++i) {
      if (DependsOnOthers(*findings_.refused[i].error.refusal())) return;
    }
    const auto any =
        session_.Query(sql::Format("SELECT 1 FROM {} LIMIT 1", sql::Quote(portion.target)));
    if (any.rows.empty()) throw RefusesAll(portion, first);
  }

  // Names the most frequent of the reasons.
  Error RefusesAll(const Portion& portion, size_t first) const {
    std::map<std::string, size_t> reasons;
    for (size_t i = first; i < findings_.refused.size(); ++i) {
      ++reasons[findings_.refused[i].error.refusal()->reason];
    }
    using Reason = std::pair<const std::string, size_t>;
    const auto most = std::ranges::max_element(reasons, {}, &Reason::second);
    return StopError(fmt::format("table {} refuses every change{}: {}", portion.target.ToString(),
                                 reasons.size() > 1 ? ", most often for this" : "", most->first),
                     "This is no matter of single rows: correct the table on the target, or the "
                     "mapping, and start again. Nothing of this batch was parked.");
  }

  void Accept(size_t portion, size_t begin, size_t end) {
    BatchDiagnosis::Piece& piece =
        findings_.accepted.emplace_back(BatchDiagnosis::Piece{portion, {}});
    piece.changes.resize(end - begin);
    std::iota(piece.changes.begin(), piece.changes.end(), static_cast<uint32_t>(begin));
  }

  // One more try for what other rows may have made good; whether that was so for any. Backwards, a
  // chain of rows each of which refers to the next takes one round instead of one for each link.
  bool TryAgain(bool backwards) {
    std::map<size_t, std::vector<size_t>> again;  // portion -> places in findings_.refused
    for (size_t i = 0; i < findings_.refused.size(); ++i) {
      const BatchDiagnosis::Refused& refused = findings_.refused[i];
      if (DependsOnOthers(*refused.error.refusal())) again[refused.portion].push_back(i);
    }
    std::vector<size_t> accepted;
    for (auto& [portion, places] : again) {
      if (TryPlaces(portion, places)) {
        accepted.insert(accepted.end(), places.begin(), places.end());
        continue;
      }
      if (places.size() == 1) continue;
      if (backwards) std::ranges::reverse(places);
      for (const size_t place : places) {
        if (TryPlaces(portion, {place})) accepted.push_back(place);
      }
    }
    std::ranges::sort(accepted);
    for (const size_t place : accepted | std::views::reverse) {
      findings_.refused.erase(findings_.refused.begin() + static_cast<std::ptrdiff_t>(place));
    }
    return !accepted.empty() && !findings_.refused.empty();
  }

  bool TryPlaces(size_t index, const std::vector<size_t>& places) {
    const Portion& portion = portions_[index];
    std::vector<RowChange> changes;
    BatchDiagnosis::Piece piece{index, {}};
    for (const size_t place : places) {
      piece.changes.push_back(findings_.refused[place].change);
      changes.push_back(portion.changes[piece.changes.back()]);
    }
    if (std::optional<Error> error = Try(portion, changes)) {
      if (places.size() == 1) findings_.refused[places.front()].error = *std::move(error);
      return false;
    }
    findings_.accepted.push_back(std::move(piece));
    return true;
  }

  Error TooMany(const BatchDiagnosis::Refused& last) const {
    return StopError(
        fmt::format("the target refuses more changes than the quarantine may take ({} more); one "
                    "of them, of table {}: {}",
                    limit_, portions_[last.portion].target.ToString(),
                    last.error.refusal()->reason),
        "Mend the target or the source; see `syncline quarantine list`, and "
        "`quarantine: {limit: N}` in the configuration. Nothing of this batch was parked.");
  }

  sql::Session& session_;
  const std::span<const Portion> portions_;
  const uint64_t limit_;
  const bool check_;
  bool open_ = false;  // the savepoint
  BatchDiagnosis findings_;
};

}  // namespace

BatchDiagnosis Diagnose(sql::Session& session, std::span<const Portion> portions, uint64_t limit) {
  if (std::ranges::any_of(portions, &Portion::in_cycle)) {
    session.Execute("SAVEPOINT syncline_diagnosis");
    auto findings = Search(session, portions, limit, /*check=*/false).Run();
    if (findings) return *std::move(findings);
    session.Execute("ROLLBACK TO SAVEPOINT syncline_diagnosis");
  }
  auto findings = Search(session, portions, limit, /*check=*/true).Run();
  SYNCLINE_CHECK(findings.has_value());
  return *std::move(findings);
}

std::vector<RowChange> ChangesOf(const Portion& portion, const BatchDiagnosis::Piece& piece) {
  std::vector<RowChange> changes;
  changes.reserve(piece.changes.size());
  for (const uint32_t change : piece.changes) changes.push_back(portion.changes[change]);
  return changes;
}

BatchDiagnosis Merged(const BatchDiagnosis& found) {
  BatchDiagnosis merged{.refused = found.refused};
  for (const BatchDiagnosis::Piece& piece : found.accepted) {
    if (merged.accepted.empty() || merged.accepted.back().portion != piece.portion) {
      merged.accepted.push_back({.portion = piece.portion});
    }
    auto& changes = merged.accepted.back().changes;
    changes.insert(changes.end(), piece.changes.begin(), piece.changes.end());
  }
  for (BatchDiagnosis::Piece& piece : merged.accepted) std::ranges::sort(piece.changes);
  return merged;
}

}  // namespace syncline::apply
