#include "apply/target/quarantine_admin.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <ranges>
#include <utility>

#include "apply/batch/logged_row.h"
#include "apply/state/quarantine.h"
#include "apply/target/sql_target.h"
#include "engine/base/error.h"
#include "engine/base/on_restart.h"

namespace syncline::apply {
namespace {

// A batch of the running pipeline may get in between so often.
constexpr int kQuarantineTriesMax = 20;

// What is parked of one row: the refused change, then what waits behind it, in the log's order.
struct Chain {
  uint64_t refused = 0;  // id
  std::vector<ParkedChange> changes;

  uint64_t count() const {
    uint64_t sum = 0;
    for (const ParkedChange& change : changes) sum += change.changes;
    return sum;
  }
};

// By the id of the refused change.
std::map<uint64_t, Chain> ChainsIn(std::vector<ParkedChange> parked) {
  std::map<uint64_t, Chain> chains;
  for (ParkedChange& change : parked) {
    const uint64_t refused = change.waiting_for.value_or(change.id);
    chains[refused].refused = refused;
    chains[refused].changes.push_back(std::move(change));
  }
  return chains;
}

// One transaction over some chains.
class Care {
 public:
  Care(const QuarantineAdmin& care, std::span<const uint64_t> ids, bool skip)
      : care_(care),
        ids_(ids),
        skip_(skip),
        target_(care.target, care.tables, care.source, TargetOptions(), care.logger) {}

  QuarantineResult Run() {
    return AgainOnRestart(kQuarantineTriesMax, [&] {
      target_.Open();
      return Once();
    });
  }

 private:
  QuarantineResult Once() {
    result_ = {};
    chains_.clear();
    const std::optional<Progress> progress = target_.ReadProgress(care_.pipeline);
    Quarantine quarantine;
    quarantine.Refresh(target_.session(), care_.pipeline);
    const std::string state = quarantine.state();
    Choose(ChainsIn(ReadQuarantine(target_.session(), care_.pipeline)));
    if (chains_.empty() && !progress) {
      throw UsageError(fmt::format("{} has no progress row for pipeline {}", care_.target.display,
                                   care_.pipeline),
                       "Nothing is parked there.");
    }
    SqlTarget::Work work{.tables = Steps(), .at = progress.value_or(Stranded()), .park = true};
    work.begin = [&](sql::Session& session) {
      AdvanceProgress(session, progress, work.at);
      Quarantine now;
      now.Refresh(session, care_.pipeline);
      if (now.state() != state) throw RestartError("the quarantine has changed meanwhile");
    };
    work.end = [&](sql::Session& session, std::span<const RefusedStep> refused) {
      Finish(session, work.at, refused);
      if (!progress) EraseProgress(session, care_.pipeline);
    };
    work.refused_max = [] { return std::numeric_limits<uint64_t>::max(); };
    target_.Do(work);
    return result_;
  }

  // Somebody has taken the pipeline's row away. One of no offset is made for the time of the
  // transaction, to lock it.
  Progress Stranded() const {
    Progress at{.pipeline = care_.pipeline};
    if (chains_.empty()) return at;
    at.log_id = chains_.begin()->second.changes.front().log_id;
    at.epoch = chains_.begin()->second.changes.front().epoch;
    return at;
  }

  // Those that were asked for.
  void Choose(std::map<uint64_t, Chain> all) {
    for (const uint64_t id : ids_) {
      if (all.contains(id)) continue;
      for (const auto& [refused, chain] : all) {
        if (std::ranges::find(chain.changes, id, &ParkedChange::id) == chain.changes.end())
          continue;
        throw UsageError(fmt::format("change {} waits behind {}, which was refused", id, refused),
                         fmt::format("Name {} instead.", refused));
      }
      throw UsageError(
          fmt::format("pipeline {} has no refused change {}", care_.pipeline, id),
          "`syncline quarantine list` shows those that there are. Nothing was changed.");
    }
    for (auto& [refused, chain] : all) {
      if (ids_.empty() || std::ranges::find(ids_, refused) != ids_.end()) {
        chains_.emplace(refused, std::move(chain));
      }
    }
  }

  // What to write: for each chain one step. A change that is skipped alone leaves nothing.
  std::vector<TableChanges> Steps() {
    // Steps of the log's base are written in another way than others.
    std::map<std::pair<SchemaId, bool>, TableChanges> tables;
    for (auto& [refused, chain] : chains_) {
      if (skip_ && chain.changes.size() == 1) continue;
      QuarantinedChange step = chain.changes.front().step;
      for (const ParkedChange& next : chain.changes | std::views::drop(1)) {
        step = Joined(std::move(step), next.step);
      }
      if (step.left_out > 0) Complete(step, chain.changes.back());
      if (!target_.Wants(step.schema->table)) {
        throw UsageError(fmt::format("pipeline {} has no table {} any more, of which change {} is",
                                     care_.pipeline, step.schema->table.ToString(), refused),
                         "Put the table back into the configuration, or skip the change.");
      }
      of_key_[{step.schema->table, step.change.key.bytes()}] = refused;
      TableChanges& changes = tables[{step.schema->id(), step.change.passed_up_to.has_value()}];
      changes.schema = step.schema;
      (step.deletion ? changes.deletes : changes.upserts).push_back(std::move(step.change));
    }
    std::vector<TableChanges> all;
    for (auto& [id, changes] : tables) {
      SortByKey(changes);
      all.push_back(std::move(changes));
    }
    return all;
  }

  // The last change of `step` is `last`, which was parked without columns that the pipeline did not
  // take then. The log has all of it; as it was parked it is whole only if nothing more is taken.
  void Complete(QuarantinedChange& step, const ParkedChange& last) {
    std::optional<LoggedRow> logged;
    if (IsInLog(last)) {
      logged = FindLogged(*care_.log, step.schema->table, step.change.key, step.change.offset);
    }
    if (logged) {
      step.schema = logged->schema;
      if (!step.deletion) step.change.row = std::move(logged->row);
      step.change.version = std::move(logged->version);
      step.left_out = 0;
      return;
    }
    const auto mapping = std::ranges::find(care_.tables, step.schema->table, &TableMapping::source);
    if (mapping != care_.tables.end() && mapping->omit.size() < step.left_out) {
      throw UsageError(
          fmt::format("change {} was parked without {} columns that pipeline {} did not take; now "
                      "it omits {}, and the log does not hold the change any more",
                      last.id, step.left_out, care_.pipeline, mapping->omit.size()),
          "Omit them again to apply the change; or skip it: the row's next change, or `syncline "
          "repair`, brings the row.");
    }
    care_.logger->Warn(
        "a change is applied as it was parked: the log does not hold it any more pipeline={} "
        "table={} id={} offset={}",
        care_.pipeline, step.schema->table.ToString(), last.id, step.change.offset.value());
  }

  bool IsInLog(const ParkedChange& change) const {
    if (care_.log == nullptr) return false;
    const LogInfo& info = care_.log->info();
    return change.log_id == info.id.ToString() &&
           change.step.change.offset < info.SharedUpTo(change.epoch);
  }

  // In the transaction that has written what is not in `refused`.
  void Finish(sql::Session& session, const Progress& progress,
              std::span<const RefusedStep> refused) {
    result_ = {};
    std::map<uint64_t, const RefusedStep*> again;
    for (const RefusedStep& one : refused) {
      again[of_key_.at({one.step.schema->table, one.step.change.key.bytes()})] = &one;
    }
    std::vector<uint64_t> done;
    for (const auto& [id, chain] : chains_) {
      const auto found = again.find(id);
      if (found != again.end()) {
        result_.refused[id] = found->second->Reason();
      }
      if (skip_) result_.skipped += chain.changes.front().changes;
      if (found == again.end()) {
        result_.applied += chain.count() - (skip_ ? chain.changes.front().changes : 0);
      } else if (skip_) {
        Progress of_log = progress;
        of_log.log_id = chain.changes.back().log_id;
        of_log.epoch = chain.changes.back().epoch;
        Quarantine().Park(session, of_log, {found->second, 1}, {});
      } else {
        UpdateReason(session, id, *found->second);
        continue;
      }
      for (const ParkedChange& change : chain.changes) done.push_back(change.id);
    }
    DeleteParked(session, done);
  }

  const QuarantineAdmin& care_;
  const std::span<const uint64_t> ids_;
  const bool skip_;
  SqlTarget target_;
  std::map<uint64_t, Chain> chains_;
  std::map<std::pair<TableName, std::string>, uint64_t> of_key_;  // by source table and key bytes
  QuarantineResult result_;
};

}  // namespace

QuarantineResult RetryQuarantined(const QuarantineAdmin& care, std::span<const uint64_t> ids) {
  return Care(care, ids, /*skip=*/false).Run();
}

QuarantineResult SkipQuarantined(const QuarantineAdmin& care, std::span<const uint64_t> ids) {
  std::vector<ParkedChange> before = ListQuarantine(care.target, care.pipeline);
  QuarantineResult result = Care(care, ids, /*skip=*/true).Run();
  for (const ParkedChange& change : before) {
    if (std::ranges::find(ids, change.id) == ids.end()) continue;
    care.logger->Warn(
        "refused change skipped by hand pipeline={} table={} id={} log_id={} offset={} "
        "reason=\"{}\"",
        care.pipeline, change.target_table, change.id, change.log_id,
        change.step.change.offset.value(), change.reason);
  }
  return result;
}

}  // namespace syncline::apply
