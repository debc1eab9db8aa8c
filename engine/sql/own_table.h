#pragma once

#include <string>

#include "engine/model/schema.h"
#include "engine/sql/session.h"

namespace syncline::sql {

// What speaks against taking a table for Syncline's own. Whoever makes a table of that name first,
// or may give it a trigger, would run code as the role that writes to it.
struct OwnTable {
  bool exists = false;
  std::string objection;  // a sentence without a subject; empty: there is none
  std::string hint;       // never destroys data
  // Somebody who is not trusted may give it a trigger, or put another table in its place: it is to
  // be looked at in each transaction, under its lock.
  bool is_shaky = false;
};

// Looks a table up, which is to be an ordinary one with nothing that runs code: no triggers, rules,
// check constraints, defaults, generated columns, expressions in indexes and types of users;
// without row security and inheritance; and owned by a role that the session's role trusts
// (trusted_roles.h): itself, its members, superusers; unless it is a superuser itself, also the
// database's owner, and a group that it is a member of, while nobody else who can log in is.
// With `beside`, also the owner and the types of that table, for one that belongs to it.
// On SQLite, where nobody owns anything: a table without triggers.
OwnTable LookAtOwnTable(Session& session, const TableName& table, const TableName& beside = {});

}  // namespace syncline::sql
