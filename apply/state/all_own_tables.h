#pragma once

#include "engine/sql/session.h"

namespace syncline::apply {

// All of Syncline's own tables (own_tables.h), in each of a session's transactions. Free of cost
// where nobody but roles that are trusted can alter or replace them. One thread at a time, the
// session's.
class OwnTables {
 public:
  // Outside of a transaction: makes those that are missing. Throws as HasOwnTable does.
  void Open(sql::Session& session);
  void Hold(sql::Session& session) const;

 private:
  bool are_shaky_ = false;
};

}  // namespace syncline::apply
