#pragma once

#include <map>
#include <string>
#include <vector>

#include "capture/plan/table_mark.h"
#include "engine/model/schema.h"
#include "engine/sql/database_mark.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// Sees to it that the tables of a source stay what they were when they were planned: columns and
// their types and the labels of enums, keys, defaults, triggers, the table under each name, and
// where its rows stand. Made before the tables are planned, so that a plan is never younger than
// what it is held against, and asked within the snapshot of each poll, when the tables are locked
// and before a row is read: then no row is ever read by a plan that does not fit it. Costs a poll
// one statement that returns one row. One for a session; borrows it. Belongs to the session's
// thread, save for what says otherwise.
class CatalogWatch {
 public:
  // Outside of any transaction. A table that is not there is one that has changed when it comes.
  CatalogWatch(sql::Session& session, const std::vector<TableName>& tables);

  const sql::DatabaseMark& database() const { return database_; }
  // Nothing is known of a table that is not there, and of SQLite's.
  const TableMark& mark(const TableName& table) const { return tables_.at(table).mark; }

  // Within a snapshot whose tables are locked. False: everything is as it was, and database() is as
  // of this snapshot. True: plan anew, by another watch.
  bool Changed();
  // Outside of any transaction: a file that another one has taken the place of changes no more, and
  // nor does one that a copy was written over.
  bool Moved();
  // Once for a session that CheckOne is asked with, outside of any transaction: the server plans
  // for it once, which takes longer than to answer.
  static void PrepareCheckOne(sql::Session& session);
  // As Changed, for one table, with a session and a snapshot of their own, from any thread. Throws
  // RestartError when it has changed.
  void CheckOne(sql::Session& session, const TableName& table) const;

 private:
  struct Table {
    TableMark mark;
    std::string stamp;  // of all that is watched of it
  };

  bool IsOther(const sql::DatabaseMark& now) const;

  sql::Session& session_;
  sql::DatabaseMark database_;
  std::map<TableName, Table> tables_;
  std::string stamp_;  // of all tables; PostgreSQL
};

}  // namespace syncline::capture
