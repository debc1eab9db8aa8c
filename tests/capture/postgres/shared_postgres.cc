#include "tests/capture/postgres/shared_postgres.h"

#include <memory>

namespace syncline::capture {

test::MiniPostgres& SharedPostgres() {
  static const std::unique_ptr<test::MiniPostgres> server = [] {
    auto started = test::MiniPostgres::Start({.settings = {"timezone=Europe/Berlin"}});
    started->Execute("CREATE ROLE reader LOGIN");
    return started;
  }();
  return *server;
}

}  // namespace syncline::capture
