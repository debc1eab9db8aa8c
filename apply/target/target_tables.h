#pragma once

#include <map>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "apply/batch/batch.h"
#include "apply/plan/taken_columns.h"
#include "apply/rules/table_mapping.h"
#include "apply/rules/table_order.h"
#include "apply/target/for_table.h"
#include "apply/write/table_writer.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "engine/sql/session.h"
#include "engine/sql/table_info.h"

namespace syncline::apply {

// A target table, ready to take the rows of one captured schema.
struct TargetTable {
  sql::TableInfo info;
  TakenColumns taken;
  std::unique_ptr<TableWriter> writer;
};

// The changes of one schema and the table that they go to.
struct TableTask {
  const TableChanges* changes;
  TargetTable* table;
  size_t rank;    // among the tables, parents first
  bool in_cycle;  // of foreign keys
};

// The tables of a target that are written in one session, and the order that their foreign keys
// want. Belongs to the session's thread; borrows `mappings`, which are by source table.
class TargetTables {
 public:
  TargetTables(const std::map<TableName, TableMapping>& mappings, std::shared_ptr<Logger> logger)
      : mappings_(mappings), logger_(std::move(logger)) {}

  // The session is gone: so are the tables that were made ready in it.
  void Forget();

  // Those for the steps of a batch, parents first; made ready, in the current transaction, where
  // they are not yet. An error names the table.
  std::vector<TableTask> TasksFor(sql::Session& session, std::span<const TableChanges> tables);
  // Where a batch is the first for many tables, makes those that are not there, some in a
  // transaction: PostgreSQL takes the longer for each the more of them one transaction has made.
  // Outside of a transaction. What is made stays, empty, where the batch is refused afterwards.
  void MakeMissing(sql::Session& session, std::span<const TableChanges> tables);
  TargetTable& at(const TableChanges& changes) { return ready_.at(changes.schema->id()); }
  TargetTable& at(const TableSchema& schema) { return ready_.at(schema.id()); }

  bool AnyUniqueIndexes() const;

  // Rows of that table which are new to the log are not copied into it any more: one was there
  // already. Outlasts the session.
  void NotCopiedInto(const TableName& table);
  bool AllCopiedInto() const { return not_copied_into_.empty(); }

  // The source tables whose target table is not there (yet).
  std::set<TableName> Missing(sql::Session& session) const;
  // The source tables, in the order in which the target's foreign keys want them to be filled.
  std::vector<TableName> ParentsFirst(sql::Session& session) const;

 private:
  void FindOrder();
  void Prepare(sql::Session& session, std::span<const TableChanges> tables);
  void Take(sql::Session& session, ApplyPlan plan, sql::TableInfo info, SchemaId id);

  const std::map<TableName, TableMapping>& mappings_;
  const std::shared_ptr<Logger> logger_;
  std::set<TableName> not_copied_into_;
  std::map<SchemaId, TargetTable> ready_;
  std::map<TableName, std::vector<sql::ForeignKey>> references_;  // of each target in `ready_`
  // What follows from `references_`, unless that has changed since.
  bool order_is_old_ = true;
  std::map<TableName, size_t> ranks_;  // parents first
  std::set<TableName> in_cycle_;
};

// Whether statements that write to the target's table touch, and look at, nothing but their own
// rows and what foreign keys and unique indexes make the server look at: a table or a partitioned
// one, without triggers, rules or row security of users, also where foreign keys pass changes on.
// (CHECK constraints and defaults whose functions read other rows are not seen.) PostgreSQL.
bool IsPlainTable(sql::Session& session, const sql::TableInfo& table);

// Whether keys that differ in the log differ on the target.
bool KeysAreBytes(const TableSchema& schema, const TableMapping& mapping,
                  const sql::TableInfo& target);

}  // namespace syncline::apply
