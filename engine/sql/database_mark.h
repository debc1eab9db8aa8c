#pragma once

#include <cstdint>
#include <string>

namespace syncline::sql {

// What tells a database from another one that has come under its name or path, and from an earlier
// state of itself that was put back. Plain value type.
struct DatabaseMark {
  // PostgreSQL: the database's oid. SQLite: device and inode of the file that its path names now,
  // which need not be the one that the session has opened; empty: no file is there.
  std::string body;
  uint64_t schema = 0;  // SQLite: changes with every change of the schema, and by VACUUM
  // Never becomes less in the life of a database: PostgreSQL's next transaction id, SQLite's count
  // of changes. 0: not known, as on a standby.
  uint64_t age = 0;
  // SQLite in WAL mode, whose commits leave the count of changes as it is: when the file itself was
  // written last, and its size. Other than before after a checkpoint, and when somebody wrote an
  // earlier state of the file over it. Empty otherwise.
  std::string written;

  bool operator==(const DatabaseMark&) const = default;
};

class Session;

// Which database the session is with, and how old; within a transaction of kSnapshot as of that
// snapshot.
DatabaseMark MarkOf(Session& session);

}  // namespace syncline::sql
