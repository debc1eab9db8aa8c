#include "tools/demo/demo_writer.h"

#include "engine/base/error.h"

namespace syncline::cli {
namespace {

std::optional<std::string> Number(int64_t number) { return std::to_string(number); }

}  // namespace

DemoWriter::DemoWriter(sql::DatabaseUrl url, Shop shop, uint64_t seed, Clock& clock)
    : url_(std::move(url)), clock_(clock), shop_(std::move(shop)), random_(seed + 1) {}

void DemoWriter::Run(std::stop_token stop) {
  auto session = sql::Session::Open(url_);
  while (clock_.Sleep(std::chrono::milliseconds(2 + Below(12, random_)), stop)) {
    try {
      rows_ += Business(*session);
      ++transactions_;
    } catch (const Error& error) {
      // Another writer had the database for too long; the transaction is rolled back and another
      // one comes.
      if (error.reaction() != Reaction::kRestart) throw;
    }
  }
}

uint64_t DemoWriter::Business(sql::Session& session) {
  const Shop before = shop_;
  try {
    sql::Transaction transaction(session, sql::Session::Isolation::kWrite);
    const int64_t dice = Below(100, random_);
    const uint64_t rows = dice < 50   ? TakeOrder(session)
                          : dice < 75 ? ShipOrders(session)
                          : dice < 85 ? ChangePrices(session)
                          : dice < 95 ? EditCustomer(session)
                                      : AddCustomer(session);
    transaction.Commit();
    return rows;
  } catch (...) {
    shop_ = before;
    throw;
  }
}

uint64_t DemoWriter::TakeOrder(sql::Session& session) {
  const int64_t order = static_cast<int64_t>(++shop_.orders);
  const int64_t customer = 1 + Below(static_cast<int64_t>(shop_.customers), random_);
  uint64_t rows = session.Change(
      sql::Format("INSERT INTO orders(id, customer_id, status, ordered_at, updated_at) "
                  "VALUES ($1, $2, 'open', {0}, {0})",
                  kStampSql),
      {Number(order), Number(customer)});
  const int64_t lines = 1 + Below(5, random_);
  for (int64_t line = 1; line <= lines; ++line) {
    const int64_t product = 1 + Below(static_cast<int64_t>(shop_.prices.size()), random_);
    const int64_t quantity = 1 + Below(9, random_);
    rows += session.Change(
        sql::Format(
            "INSERT INTO order_lines(order_id, line, product_id, quantity, price, updated_at) "
            "VALUES ($1, $2, $3, $4, $5, {})",
            kStampSql),
        {Number(order), Number(line), Number(product), Number(quantity),
         Decimal(shop_.prices[static_cast<size_t>(product - 1)])});
    rows += session.Change(
        sql::Format("UPDATE products SET stock = stock - $2, updated_at = {} WHERE id = $1",
                    kStampSql),
        {Number(product), Number(quantity)});
  }
  shop_.lines += static_cast<uint64_t>(lines);
  return rows;
}

uint64_t DemoWriter::ShipOrders(sql::Session& session) {
  return session.Change(
      sql::Format("UPDATE orders SET status = 'shipped', shipped_at = {0}, updated_at = {0} "
                  "WHERE id IN (SELECT id FROM orders WHERE status = 'open' ORDER BY id LIMIT $1)",
                  kStampSql),
      {Number(1 + Below(4, random_))});
}

uint64_t DemoWriter::ChangePrices(sql::Session& session) {
  const auto product =
      static_cast<size_t>(Below(static_cast<int64_t>(shop_.prices.size()), random_));
  int64_t& price = shop_.prices[product];
  price = std::max<int64_t>(1, price + Below(201, random_) - 100);
  return session.Change(
      sql::Format("UPDATE products SET price = $2, updated_at = {} WHERE id = $1", kStampSql),
      {Number(static_cast<int64_t>(product) + 1), Decimal(price)});
}

uint64_t DemoWriter::EditCustomer(sql::Session& session) {
  const int64_t customer = 1 + Below(static_cast<int64_t>(shop_.customers), random_);
  return session.Change(
      sql::Format("UPDATE customers SET city = $2, newsletter = NOT newsletter, updated_at = {} "
                  "WHERE id = $1",
                  kStampSql),
      {Number(customer), RandomCity(random_)});
}

uint64_t DemoWriter::AddCustomer(sql::Session& session) {
  const int64_t customer = static_cast<int64_t>(++shop_.customers);
  return session.Change(
      sql::Format("INSERT INTO customers(id, name, city, newsletter, credit, updated_at) "
                  "VALUES ($1, $2, $3, 0, '0.00', {})",
                  kStampSql),
      {Number(customer), std::string(RandomName(random_)), RandomCity(random_)});
}

}  // namespace syncline::cli
