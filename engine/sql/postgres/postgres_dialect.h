#pragma once

#include "engine/sql/sql_dialect.h"

namespace syncline::sql {

const SqlDialect& PostgresSqlDialect();

}  // namespace syncline::sql
