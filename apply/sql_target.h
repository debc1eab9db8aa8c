#pragma once

#include <spdlog/logger.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "apply/batch.h"
#include "apply/conflict_table.h"
#include "apply/progress.h"
#include "apply/table_mapping.h"
#include "apply/table_order.h"
#include "apply/table_writer.h"
#include "engine/sql/database_url.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// A target database, PostgreSQL or SQLite: takes batches, each in one transaction that also moves
// the pipeline's progress row (invariant 4).
//
// Is closed or open; after any exception from Apply only Close (and then Open) is allowed, and the
// target holds either the whole batch or nothing of it: only Apply's last step, the commit, can
// leave this unknown, and the progress row then tells. Belongs to one thread.
class SqlTarget {
 public:
  using Written = std::map<TableName, WriteCounts>;  // by target table

  // `source` names the database whose log is applied (LogInfo::source).
  SqlTarget(sql::DatabaseUrl url, std::vector<TableMapping> tables, std::string source,
            std::shared_ptr<spdlog::logger> logger);
  ~SqlTarget();
  SqlTarget(const SqlTarget&) = delete;
  SqlTarget& operator=(const SqlTarget&) = delete;

  // Connects and makes syncline_progress and syncline_conflicts when they are missing.
  void Open();
  void Close() noexcept;
  bool is_open() const { return session_ != nullptr; }

  std::optional<Progress> ReadProgress(const std::string& pipeline);

  // The source tables whose target table is not there (yet).
  std::set<TableName> MissingTables();

  // Moves the progress row from `from` to `to`, writes the batch's rows and what conflicts were
  // decided, commits; what was written. The rows of tables without a mapping are left out. An error
  // names the table and the batch's offsets. Throws RestartError when the row is not at `from` any
  // more, or when rows of the batch turn out not to be new to the target: then it has to be applied
  // again, in another way.
  Written Apply(Batch batch, const std::optional<Progress>& from, const Progress& to);
  // The same with steps that are there already, each key once and sorted; `what` they are is said
  // in an error.
  Written Apply(std::vector<TableChanges> tables, const std::string& what,
                const std::optional<Progress>& from, const Progress& to);
  // Whether a pipeline has that source table.
  bool Wants(const TableName& table) const { return tables_.contains(table); }
  // True when the last Apply failed in its commit.
  bool commit_in_doubt() const { return commit_in_doubt_; }

 private:
  // What a batch brings, and how.
  struct Writing {
    std::vector<TableChanges>& tables;
    WriteOptions options;
    std::vector<Conflict> conflicts;
  };
  // A target table, ready to take the rows of one captured schema.
  struct Prepared {
    TableName target;
    std::unique_ptr<TableWriter> writer;
  };
  struct Task {
    TableChanges* changes;
    Prepared* table;
    size_t rank;    // among the tables, parents first
    bool in_cycle;  // of foreign keys
  };

  Prepared& Prepare(const TableChanges& changes);
  std::vector<Task> TasksFor(std::vector<TableChanges>& tables);
  Written Write(Writing& writing);
  WriteCounts Upsert(const Task& task, Writing& writing);

  const sql::DatabaseUrl url_;
  const std::string source_;
  std::map<TableName, TableMapping> tables_;  // by source; constant after construction
  const std::shared_ptr<spdlog::logger> logger_;

  // Into which new rows are not copied any more: a row was there already.
  std::set<TableName> not_copied_into_;
  bool commit_in_doubt_ = false;

  // What follows is as long-lived as the session.
  std::unique_ptr<sql::Session> session_;
  std::string identity_;
  std::map<SchemaId, Prepared> prepared_;
  std::map<TableName, std::vector<sql::ForeignKey>> references_;  // of each target in `prepared_`
  TableOrder order_;                                              // of `references_`
};

}  // namespace syncline::apply
