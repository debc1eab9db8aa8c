#pragma once

#include "tests/support/mini_postgres.h"

namespace syncline::capture {

// The server that all tests of this program share: its zone is Europe/Berlin, and there is a role
// `reader` that may log in and nothing else.
test::MiniPostgres& SharedPostgres();

}  // namespace syncline::capture
