#include "apply/target/target_tables.h"

#include <algorithm>
#include <ranges>

#include "apply/plan/apply_plan.h"
#include "apply/state/own_tables.h"
#include "apply/target/target_table.h"
#include "engine/sql/describe_all.h"
#include "engine/sql/dialect.h"

namespace syncline::apply {
namespace {

// So many tables a transaction makes.
constexpr size_t kMadeTogether = 32;

std::vector<TableName> MissingOf(sql::Session& session, std::span<const TableName> tables) {
  const auto infos = sql::DescribeAll(session, tables);
  std::vector<TableName> missing;
  for (size_t i = 0; i < tables.size(); ++i) {
    if (!infos[i]) missing.push_back(tables[i]);
  }
  return missing;
}

}  // namespace

void TargetTables::Forget() {
  order_is_old_ = true;
  references_.clear();
  ready_.clear();
}

std::vector<TableTask> TargetTables::TasksFor(sql::Session& session,
                                              std::span<const TableChanges> tables) {
  Prepare(session, tables);
  std::vector<TableTask> tasks;
  for (const TableChanges& changes : tables) {
    tasks.push_back({.changes = &changes, .table = &at(changes)});
  }
  if (order_is_old_) FindOrder();  // only now is all known that it follows from
  for (TableTask& task : tasks) {
    task.rank = ranks_.at(task.table->info.name);
    task.in_cycle = in_cycle_.contains(task.table->info.name);
  }
  std::ranges::stable_sort(tasks, {}, &TableTask::rank);
  return tasks;
}

void TargetTables::FindOrder() {
  const TableOrder order = OrderByReferences(references_);
  ranks_.clear();
  for (const TableName& table : order.parents_first) ranks_.emplace(table, ranks_.size());
  in_cycle_ = {order.in_cycle.begin(), order.in_cycle.end()};
  order_is_old_ = false;
}

void TargetTables::Prepare(sql::Session& session, std::span<const TableChanges> tables) {
  std::vector<const TableChanges*> left;
  for (const TableChanges& changes : tables) {
    if (!ready_.contains(changes.schema->id())) left.push_back(&changes);
  }
  while (!left.empty()) {
    std::vector<ApplyPlan> plans;
    std::vector<const TableChanges*> later;
    std::set<std::string> targets;
    for (const TableChanges* const changes : left) {
      const TableMapping& mapping = mappings_.at(changes->schema->table);
      // Another schema of the same table finds it as the one before has left it.
      const std::string target = sql::FoldedName(mapping.target.ToString(), session.dialect());
      if (!targets.insert(target).second) {
        later.push_back(changes);
        continue;
      }
      plans.push_back(
          ForTable(changes->schema->table, [&] { return PlanTable(changes->schema, mapping); }));
    }
    std::vector<sql::TableInfo> infos = PrepareTargetTables(session, plans, *logger_);
    for (size_t i = 0; i < plans.size(); ++i) {
      const std::shared_ptr<const TableSchema> schema = plans[i].schema;
      ForTable(schema->table,
               [&] { Take(session, std::move(plans[i]), std::move(infos[i]), schema->id()); });
    }
    left = std::move(later);
  }
}

void TargetTables::Take(sql::Session& session, ApplyPlan plan, sql::TableInfo info, SchemaId id) {
  references_[info.name] = info.foreign_keys;
  order_is_old_ = true;
  TakenColumns taken(plan);
  auto writer = std::make_unique<TableWriter>(session, std::move(plan), info, ready_.size());
  writer->set_may_copy(!not_copied_into_.contains(info.name));
  ready_.emplace(id, TargetTable{std::move(info), std::move(taken), std::move(writer)});
}

void TargetTables::MakeMissing(sql::Session& session, std::span<const TableChanges> tables) {
  std::map<TableName, std::shared_ptr<const TableSchema>> schemas;  // the first of each target
  for (const TableChanges& changes : tables) {
    const TableMapping& mapping = mappings_.at(changes.schema->table);
    if (!mapping.create || ready_.contains(changes.schema->id())) continue;
    schemas.emplace(mapping.target, changes.schema);
  }
  if (schemas.size() <= kMadeTogether) return;
  const auto targets = std::views::keys(schemas);
  const std::vector<TableName> all(targets.begin(), targets.end());
  const std::vector<TableName> missing = MissingOf(session, all);
  for (size_t first = 0; first < missing.size(); first += kMadeTogether) {
    sql::Transaction transaction(session, sql::Session::Isolation::kWrite);
    LockForDdl(session);
    const size_t count = std::min(kMadeTogether, missing.size() - first);
    std::vector<ApplyPlan> plans;
    // Another batch may be making the same ones.
    for (const TableName& name : MissingOf(session, std::span(missing).subspan(first, count))) {
      const auto& schema = schemas.at(name);
      plans.push_back(PlanTable(schema, mappings_.at(schema->table)));
    }
    MakeTargetTables(session, plans, *logger_);
    transaction.Commit();
  }
}

bool TargetTables::AnyUniqueIndexes() const {
  return std::ranges::any_of(
      ready_, [](const auto& table) { return table.second.writer->has_unique_indexes(); });
}

void TargetTables::NotCopiedInto(const TableName& table) {
  not_copied_into_.insert(table);
  for (auto& [id, ready] : ready_) {
    if (ready.info.name == table) ready.writer->set_may_copy(false);
  }
}

std::set<TableName> TargetTables::Missing(sql::Session& session) const {
  std::set<TableName> missing;
  const std::vector<TableName> listed = session.ListTables();
  const std::set<TableName> there(listed.begin(), listed.end());
  for (const auto& [source, mapping] : mappings_) {
    // What the list does not name can still be there: under another spelling, or as a partition.
    if (there.contains(mapping.target)) continue;
    if (!session.Describe(mapping.target)) missing.insert(source);
  }
  return missing;
}

std::vector<TableName> TargetTables::ParentsFirst(sql::Session& session) const {
  std::map<TableName, std::vector<sql::ForeignKey>> references;
  std::map<TableName, TableName> sources;  // by target
  for (const auto& [source, mapping] : mappings_) {
    const auto info = session.Describe(mapping.target);
    const TableName& target = info ? info->name : mapping.target;
    sources[target] = source;
    references[target] = info ? info->foreign_keys : std::vector<sql::ForeignKey>();
  }
  std::vector<TableName> order;
  for (const TableName& target : OrderByReferences(references).parents_first) {
    order.push_back(sources.at(target));
  }
  return order;
}

bool IsPlainTable(sql::Session& session, const sql::TableInfo& table) {
  using Kind = sql::TableInfo::Kind;
  if (table.kind != Kind::kTable && table.kind != Kind::kPartitioned) return false;
  // The tables that a statement can write to: those that inherit, and those that foreign keys pass
  // a deletion or an update on to. In such a key's way: what compares by more than bytes.
  static constexpr char kLooksFurther[] = R"(
    WITH RECURSIVE touched AS (
      SELECT $1::regclass::oid AS oid
      UNION
      SELECT next.oid FROM touched CROSS JOIN LATERAL (
        SELECT inhrelid AS oid FROM pg_inherits WHERE inhparent = touched.oid
        UNION ALL
        SELECT conrelid FROM pg_constraint
        WHERE confrelid = touched.oid AND contype = 'f'
          AND (confdeltype IN ('c', 'n', 'd') OR confupdtype IN ('c', 'n', 'd'))) next)
    SELECT 1 FROM touched JOIN pg_class c USING (oid)
    WHERE c.relhasrules OR c.relrowsecurity OR c.relkind = 'f'
      OR EXISTS (SELECT FROM pg_trigger t
                 WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled <> 'D')
    UNION ALL
    SELECT 1 FROM pg_attribute a JOIN pg_collation l ON l.oid = a.attcollation
    WHERE a.attrelid = $1::regclass AND NOT l.collisdeterministic
    LIMIT 1)";
  return session.Query(kLooksFurther, {sql::Quote(table.name).ToString()}).rows.empty();
}

bool KeysAreBytes(const TableSchema& schema, const TableMapping& mapping,
                  const sql::TableInfo& target) {
  return std::ranges::all_of(schema.key, [&](uint32_t index) {
    const Column& column = schema.columns[index];
    const auto renamed = mapping.columns.find(column.name);
    const sql::ColumnInfo* const found =
        target.Find(renamed == mapping.columns.end() ? column.name : renamed->second);
    if (found == nullptr || found->column.type != column.type) return false;
    switch (column.type) {
      case Type::kBool:
      case Type::kInt:
      case Type::kBytes:
      case Type::kDate:
      case Type::kUuid:
        return true;
      case Type::kText:  // but character(n) is padded
        return found->column.native_type == column.native_type &&
               !column.native_type.starts_with("character(");
      case Type::kTime:  // with the same precision
      case Type::kTimestamp:
      case Type::kTimestampTz:
        return found->column.native_type == column.native_type;
      default:
        return false;  // 1.0 and 1.00
    }
  });
}

}  // namespace syncline::apply
