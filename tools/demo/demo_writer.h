#pragma once

#include <atomic>
#include <cstdint>
#include <random>
#include <stop_token>

#include "engine/base/clock.h"
#include "engine/sql/database_url.h"
#include "engine/sql/session.h"
#include "tools/demo/demo_shop.h"

namespace syncline::cli {

// Business as usual in the demo's shop: small transactions that insert and update, each row stamped
// by its own statement. Run belongs to one thread and has a session of its own; the counts may be
// read from others.
class DemoWriter {
 public:
  // `seed` as MakeShop's; `shop` is what it made. Borrows the clock.
  DemoWriter(sql::DatabaseUrl url, Shop shop, uint64_t seed, Clock& clock);

  // Writes until stopped; the transaction at hand is committed.
  void Run(std::stop_token stop);

  uint64_t transactions() const { return transactions_; }
  uint64_t rows() const { return rows_; }

 private:
  // One transaction; how many rows it wrote.
  uint64_t Business(sql::Session& session);
  uint64_t TakeOrder(sql::Session& session);
  uint64_t ShipOrders(sql::Session& session);
  uint64_t ChangePrices(sql::Session& session);
  uint64_t EditCustomer(sql::Session& session);
  uint64_t AddCustomer(sql::Session& session);

  const sql::DatabaseUrl url_;
  Clock& clock_;
  Shop shop_;
  std::mt19937_64 random_;
  std::atomic<uint64_t> transactions_{0};
  std::atomic<uint64_t> rows_{0};
};

}  // namespace syncline::cli
