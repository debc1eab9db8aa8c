#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/model/schema.h"
#include "engine/model/value.h"
#include "engine/sql/session.h"
#include "engine/sql/sql_text.h"

namespace syncline::sql {

// Whether a database is able to do something. It has no default: who describes a database has to
// say it.
class Able {
 public:
  constexpr Able(bool able) : able_(able) {}
  constexpr operator bool() const { return able_; }

 private:
  bool able_;
};

// What a kind of database is able to do. Plain value type.
struct Capabilities {
  // The database is a file of this machine: it may not be there, a session may make it, and who may
  // read the file may read all that is in it. Otherwise it is a server's.
  Able is_file;
  // Tables stand in schemas; a name without one means DefaultSchema.
  Able has_schemas;
  // What a session may do, and see, depends on its role.
  Able has_roles;
  // A column holds values of its declared type only, and each in one form. Otherwise anything may
  // be stored anywhere, and texts of one meaning may differ.
  Able has_typed_values;
  // There are truth values that are no numbers.
  Able has_booleans;
  // A session keeps a time zone, in which the database's writers mean times without one.
  Able has_time_zones;
  // Two sessions may write at a time: rows and tables are locked, not the database. There is FOR
  // UPDATE.
  Able has_row_locks;
  // Session::LoadRows is a way of its own, and faster than a statement for each row.
  Able has_bulk_load;
  // Rows that wait in temporary tables are best written by a few statements over all of them.
  Able has_staged_statements;
  // A column's type can be changed where it stands.
  Able retypes_columns;
};

// How a kind of database writes what another writes differently: terms of statements, and what it
// is able to do. Everything is pure and may be called by any thread; a statement's terms are asked
// for when it is made, not for each row. All methods are pure virtual, so that a new kind of
// database does not compile until it answers each.
class SqlDialect {
 public:
  SqlDialect(const SqlDialect&) = delete;
  SqlDialect& operator=(const SqlDialect&) = delete;
  virtual ~SqlDialect() = default;

  virtual const Capabilities& can() const = 0;

  // Names and values; see the functions of the same names in dialect.h.
  virtual std::string FoldedName(std::string_view name) const = 0;
  virtual Sql Literal(ValueView value) const = 0;  // not of NULL
  // Parameter `number`, as a column of that declared type would have stored it.
  virtual Sql Parameter(size_t number, std::string_view native_type) const = 0;
  virtual std::string_view DefaultSchema() const = 0;    // empty: there are no schemas
  virtual std::string_view TemporarySchema() const = 0;  // where CREATE TEMP TABLE makes tables

  // Whether two expressions are equal, of which either may be NULL.
  virtual Sql IsSame(const Sql& a, const Sql& b) const = 0;
  // The same of a column of that type and what it is to hold; of a type that may have no equality
  // the texts are compared.
  virtual Sql Holds(Type type, const Sql& column, const Sql& other) const = 0;
  // Whether the texts of two expressions are the same bytes.
  virtual Sql IsSameText(const Sql& a, const Sql& b) const = 0;

  // A text that is the same for equal values of one column; of NULL it is NULL.
  virtual Sql AsText(const Sql& expression) const = 0;
  // A text that the database reads back as the value that it was.
  virtual Sql ExactText(const Sql& expression) const = 0;

  // The clock now, as a column of StampType holds it.
  virtual Sql Now() const = 0;
  // A moment as a column of a time holds it: `version`, where it is one (of type `version_type`;
  // empty: there is none), or else now.
  virtual Sql Moment(const Column& column, const Sql& version, Type version_type) const = 0;
  // A value of that column's type that no row is likely to have; empty: there is none.
  virtual Sql RandomValue(const Column& column) const = 0;

  // What stands at a statement's end, or at its place, with a blank before it; empty: nothing.
  virtual Sql ForUpdate() const = 0;      // rows that are read stay as they are until the commit
  virtual Sql KeepIdentity() const = 0;   // of INSERT: a value counts that the column would make
  virtual Sql EmptyAtCommit() const = 0;  // of CREATE TEMP TABLE
  virtual Sql DropAtCommit() const = 0;   // of CREATE TEMP TABLE
  virtual Sql WithoutRows() const = 0;    // of CREATE TABLE .. AS SELECT

  // A statement: until the transaction ends, foreign keys that can wait are checked at the commit.
  virtual Sql DeferConstraints() const = 0;
  // Statements, for somebody to run: the column gets another type, and keeps its values.
  virtual Sql Retype(const TableName& table, const std::string& column, const Sql& type) const = 0;

  // Types of columns of Syncline's own tables: a moment, bytes, JSON, and a primary key that
  // numbers the rows.
  virtual Sql StampType() const = 0;
  virtual Sql BytesType() const = 0;
  virtual Sql JsonType() const = 0;
  virtual Sql NumberedKeyType() const = 0;

 protected:
  SqlDialect() = default;
};

// It lives as long as the program. Throws StopError for a kind that this build does not know.
const SqlDialect& DialectOf(Dialect kind);
const SqlDialect& DialectOf(const Session& session);
// The table's name with the schema that it has without one.
TableName WithDefaultSchema(TableName table, Dialect kind);
// The name that a table of another database gets in one of that kind: without its schema where
// there are none.
TableName NameIn(Dialect kind, const TableName& table);

}  // namespace syncline::sql
