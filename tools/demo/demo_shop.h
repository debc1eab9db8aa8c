#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sql/session.h"

namespace syncline::cli {

// The demo's shop: customers, products, orders and their lines in SQLite, with foreign keys,
// decimals, timestamps, text in many scripts, and NULLs.

// What was put in, and what the writer has to know of it to go on.
struct Shop {
  uint64_t customers = 0;
  uint64_t orders = 0;
  uint64_t lines = 0;
  std::vector<int64_t> prices;  // in cents, of product 1, 2 ...
};

// Makes the tables in an empty database and fills them, in one transaction; the same seed gives the
// same shop.
Shop MakeShop(sql::Session& session, std::mt19937_64& random);

// The SQL expression for this moment in the one text form of a timestamptz, to the millisecond,
// which is as far as SQLite's clock goes. Evaluated by the statement, after it has the write lock.
inline constexpr sql::Sql kStampSql = "(strftime('%Y-%m-%d %H:%M:%f', 'now') || '000+00')";

// "12.05" for 1205.
std::string Decimal(int64_t cents);

// From 0 to `bound` - 1.
int64_t Below(int64_t bound, std::mt19937_64& random);

// Something to put in, chosen at random; the cities have none at times, which is NULL.
std::string_view RandomName(std::mt19937_64& random);
std::optional<std::string> RandomCity(std::mt19937_64& random);

}  // namespace syncline::cli
