#pragma once

#include <string>
#include <vector>

#include "engine/model/schema.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// The triggers of a target's table that may set `cursor`, its cursor column, in rows that are
// inserted or updated, by name. What apply has written then has another version than in the log,
// and every later change of the row meets a conflict.
//
// Told by the text of the trigger and its function: on PostgreSQL row triggers BEFORE either that
// name the column, unless they ask who writes; on SQLite triggers that set it in an UPDATE. Neither
// complete nor free of false alarms.
std::vector<std::string> StampingTriggers(sql::Session& session, const TableName& table,
                                          const std::string& cursor);

}  // namespace syncline::apply
