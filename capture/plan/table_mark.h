#pragma once

#include <string>
#include <vector>

#include "engine/model/schema.h"

namespace syncline::capture {

// What tells a table of PostgreSQL from another one that has come under its name, and its rows from
// others that were put in their place without being written one by one. Plain value type; members
// are empty where nothing is known, as all but `columns` are on SQLite.
struct TableMark {
  std::string object;  // its oid
  // What holds its rows, as "oid.filenode", separated by spaces: itself, its partitions and
  // children, or what is beneath a view. TRUNCATE, VACUUM FULL, CLUSTER and ALTER TABLE change
  // the filenode.
  std::string files;
  // "3.1.5f02,,9ac1": how many columns it has had in its life, how many of those were dropped, and
  // a hash of the name of each, empty for one that was dropped. Earlier cursors end behind the
  // second number. SQLite has no such numbers: "3 " and a hash of all names, in their order.
  std::string columns;
  // "4:5f02,9ac1;7:03aa": for each column whose type is made of enums, by its number, a hash of
  // each label, in the order in which they were made. A label that has another name is another
  // value in every row that has it, and no row is written.
  std::string labels;

  bool operator==(const TableMark&) const = default;
};

// How a table is another one than the one that was read before.
struct TableChange {
  enum class Kind {
    kNone,       // what was read is still what is there, or nothing is known of it
    kParts,      // partitions or children have come, or gone, or are others
    kRewritten,  // the table's rows are others, or stand elsewhere
    kReplaced,   // it is another table
  };
  Kind kind = Kind::kNone;
  // kParts: the oids of those whose rows have yet to be read; may be none.
  std::vector<uint64_t> parts;
  // kRewritten, kReplaced: values may go by other names, and rows that look as they did are others.
  bool renamed = false;

  bool operator==(const TableChange&) const = default;
};

// SQLite: what stands in TableMark::columns of a table that is read by these columns. Pure.
std::string ColumnsMark(const std::vector<Column>& columns);
// SQLite: as many columns as before, and other names. Pure.
bool AreRenamed(const TableMark& before, const TableMark& now);

// Pure. `has_parts`: rows of a part can be told by `tableoid`.
TableChange Compare(const TableMark& before, const TableMark& now, bool has_parts);

}  // namespace syncline::capture
