#include "tools/commands/replay_conflicts.h"

#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "apply/plan/apply_plan.h"
#include "apply/state/conflict_table.h"
#include "apply/state/row_image.h"
#include "engine/base/error.h"
#include "engine/base/on_restart.h"
#include "engine/model/same_value.h"
#include "engine/model/value_text.h"
#include "tools/support/value_json.h"

namespace syncline::cli {
namespace {

// The log may be folded so often while it is read.
constexpr int kReplayTriesMax = 10;
constexpr size_t kBaseEntries = 1'000;

// A key's JSON, whatever its database makes of blanks and of the order of names.
std::string Normalized(const std::string& key) {
  Json json = Json::parse_or_null(key);
  if (json.is_null()) return key;
  json.SortMembers();
  return Dump(json);
}

// Of one moment, whatever its form.
bool AreSame(const std::string& a, const std::string& b) {
  return IsSameValue(Type::kTimestampTz, ValueView::Text(a), ValueView::Text(b));
}

class KnownStates {
 public:
  KnownStates(const std::vector<apply::ConflictRecord>& conflicts,
              const std::vector<apply::TableMapping>& tables) {
    for (const apply::TableMapping& table : tables) mappings_[table.source] = table;
    for (const apply::ConflictRecord& conflict : conflicts) {
      if (!conflict.target_version) continue;
      uint64_t offset = 0;
      const std::string& text = conflict.offset;
      std::from_chars(text.data(), text.data() + text.size(), offset);
      const TableName table = TableName::Parse(conflict.table);
      waiting_[{table.name, Normalized(conflict.key)}].push_back(
          {conflict.id, Offset(offset), *conflict.target_version});
    }
  }

  void Read(LogReader& log, Offset end) {
    if (waiting_.empty()) return;
    AgainOnRestart(kReplayTriesMax, [&] { ReadOnce(log, end); });
  }

  const std::vector<uint64_t>& found() const { return found_; }

 private:
  struct Waiting {
    uint64_t id;
    Offset offset;
    std::string version;
  };

  void ReadOnce(LogReader& log, Offset end) {
    if (log.begin() > Offset(0)) {
      const auto base = log.OpenBase();
      for (auto entries = base->Next(kBaseEntries); !entries.empty();
           entries = base->Next(kBaseEntries)) {
        for (const BaseEntry& entry : entries) {
          if (entry.op == Op::kUpsert) Meet(entry.table, entry.row, entry.version, entry.offset);
        }
      }
    }
    log.Seek(log.begin());
    while (const std::optional<Frame> frame = log.Next()) {
      for (size_t i = 0; i < frame->changes.size(); ++i) {
        const Change& change = frame->changes[i];
        const Offset offset = frame->header.base + i;
        if (offset >= end) return;
        if (change.op != Op::kUpsert) continue;
        Meet(frame->tables[change.table], change.row, change.version, offset);
      }
    }
  }

  void Meet(const std::shared_ptr<const TableSchema>& schema, const Row& row, const Value& version,
            Offset offset) {
    const apply::ApplyPlan* plan = PlanOf(schema);
    if (plan == nullptr) return;
    std::vector<Column> key;
    for (const uint32_t column : plan->key) key.push_back(plan->columns[column]);
    const auto waiting = waiting_.find(
        {plan->target.name, Normalized(apply::RowImage(key, Project(row, schema->key)))});
    if (waiting == waiting_.end()) return;
    std::erase_if(waiting->second, [&](const Waiting& one) {
      const bool is_known = offset > one.offset && AreSame(one.version, ToText(version));
      if (is_known) found_.push_back(one.id);
      return is_known;
    });
  }

  // Null: the pipeline does not have the table, or not under that schema.
  const apply::ApplyPlan* PlanOf(const std::shared_ptr<const TableSchema>& schema) {
    const auto [plan, is_new] = plans_.try_emplace(schema->id());
    if (!is_new) return plan->second ? &*plan->second : nullptr;
    const auto mapping = mappings_.find(schema->table);
    if (mapping == mappings_.end()) return nullptr;
    try {
      plan->second = apply::PlanTable(schema, mapping->second);
    } catch (const Error&) {
      return nullptr;
    }
    return &*plan->second;
  }

  std::map<TableName, apply::TableMapping> mappings_;  // by source
  std::map<SchemaId, std::optional<apply::ApplyPlan>> plans_;
  std::map<std::pair<std::string, std::string>, std::vector<Waiting>> waiting_;  // by table and key
  std::vector<uint64_t> found_;
};

}  // namespace

uint64_t TakeBackKnownStates(LogReader& log, Offset end, const sql::DatabaseUrl& target,
                             const std::string& pipeline,
                             const std::vector<apply::TableMapping>& tables) {
  std::vector<apply::ConflictRecord> conflicts =
      apply::ListConflicts(target, {.pipeline = pipeline});
  std::erase_if(conflicts, [&](const apply::ConflictRecord& conflict) {
    return conflict.log_id != log.info().id.ToString();
  });
  KnownStates known(conflicts, tables);
  known.Read(log, end);
  if (!known.found().empty()) apply::EraseConflicts(target, known.found());
  return known.found().size();
}

}  // namespace syncline::cli
