#include "tools/demo/demo_shop.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>

namespace syncline::cli {
namespace {

constexpr int kCustomers = 600;
constexpr int kProducts = 150;
constexpr int kOrders = 1'200;

constexpr char kTables[] = R"(
CREATE TABLE customers (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  city TEXT,
  email TEXT,
  newsletter BOOLEAN NOT NULL,
  credit DECIMAL_TEXT(12,2) NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE products (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  price DECIMAL_TEXT(10,2) NOT NULL,
  weight REAL,
  stock INTEGER NOT NULL,
  picture BLOB,
  updated_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customers(id),
  status TEXT NOT NULL,
  ordered_at TIMESTAMPTZ NOT NULL,
  shipped_at TIMESTAMPTZ,
  note TEXT,
  updated_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE order_lines (
  order_id INTEGER NOT NULL REFERENCES orders(id),
  line INTEGER NOT NULL,
  product_id INTEGER NOT NULL REFERENCES products(id),
  quantity INTEGER NOT NULL,
  price DECIMAL_TEXT(10,2) NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (order_id, line)
);
CREATE INDEX customers_updated_at ON customers(updated_at);
CREATE INDEX products_updated_at ON products(updated_at);
CREATE INDEX orders_updated_at ON orders(updated_at);
CREATE INDEX order_lines_updated_at ON order_lines(updated_at);
)";

constexpr std::string_view kNames[] = {
    "Ada Lovelace",
    "Émilie du Châtelet",
    "Søren Ångström",
    "José Muñoz",
    "Zoë Čapek",
    "Анна Каренина",
    "Ελένη Παπαδοπούλου",
    "Նարե Սարգսյան",
    "დავით აღმაშენებელი",
    "שרה לוי",
    "ليلى حسن",
    "फ़ातिमा शेख़",
    "தமிழ்ச்செல்வி",
    "สมชาย ใจดี",
    "王小明",
    "山田 太郎",
    "김민준",
    "Nguyễn Thị Hoa",
    "Ọláolú Adébáyọ̀",
    "O'Brien \"Bob\"",
};
constexpr std::string_view kCities[] = {"Wien",    "Zürich", "København", "Αθήνα", "Київ",
                                        "القاهرة", "मुंबई",    "北京",      "東京",  "São Paulo"};
constexpr std::string_view kThings[] = {"Tea",  "Кофе",  "Schokolade", "味噌",   "Olives",
                                        "पनीर", "Crème", "Huile",      "고추장", "Honey 🍯"};
constexpr std::string_view kNotes[] = {"", "please ring twice", "Geschenk 🎁", "急ぎ",
                                       "line one\nline two"};

// Rows for one table, gathered and then loaded at once.
class Loading {
 public:
  Loading(sql::Session& session, std::string table, std::vector<std::string> columns)
      : session_(session), table_{"", std::move(table)}, columns_(std::move(columns)) {}

  template <typename... Values>
  void Add(const Values&... values) {
    Row& row = rows_.emplace_back();
    (row.Append(values), ...);
  }
  uint64_t Finish() {
    std::vector<const Row*> pointers;
    for (const Row& row : rows_) pointers.push_back(&row);
    session_.LoadRows(table_, columns_, pointers);
    return rows_.size();
  }

 private:
  sql::Session& session_;
  TableName table_;
  std::vector<std::string> columns_;
  std::vector<Row> rows_;
};

template <size_t n>
std::string_view Pick(const std::string_view (&list)[n], std::mt19937_64& random) {
  return list[Below(n, random)];
}

ValueView TextOrNull(std::string_view text) {
  return text.empty() ? ValueView::Null() : ValueView::Text(text);
}

// A moment within the last thirty days, in the model's microseconds.
class PastMoments {
 public:
  explicit PastMoments(std::mt19937_64& random) : random_(random) {}
  ValueView Next() {
    constexpr int64_t kModelEpochSeconds = 946'684'800;
    const int64_t now = std::chrono::duration_cast<std::chrono::seconds>(
                            std::chrono::system_clock::now().time_since_epoch())
                            .count() -
                        kModelEpochSeconds;
    const int64_t us = (now - 60) * 1'000'000 - Below(30LL * 86'400 * 1'000'000, random_);
    return ValueView::TimestampTz(us);
  }

 private:
  std::mt19937_64& random_;
};

void FillCustomers(sql::Session& session, PastMoments& past, std::mt19937_64& random, Shop& shop) {
  Loading customers(session, "customers",
                    {"id", "name", "city", "email", "newsletter", "credit", "updated_at"});
  for (int id = 1; id <= kCustomers; ++id) {
    const std::optional<std::string> city = RandomCity(random);
    const std::string email = id % 4 == 0 ? "" : fmt::format("customer{}@example.com", id);
    customers.Add(ValueView::Int(id), ValueView::Text(RandomName(random)),
                  TextOrNull(city.value_or("")), TextOrNull(email),
                  ValueView::Bool(Below(2, random) == 0),
                  ValueView::Decimal(Decimal(Below(1'000'000, random) - 200'000)), past.Next());
  }
  shop.customers = customers.Finish();
}

void FillProducts(sql::Session& session, PastMoments& past, std::mt19937_64& random, Shop& shop) {
  Loading products(session, "products",
                   {"id", "name", "price", "weight", "stock", "picture", "updated_at"});
  for (int id = 1; id <= kProducts; ++id) {
    shop.prices.push_back(50 + Below(20'000, random));
    const std::string name = fmt::format("{} No. {}", Pick(kThings, random), id);
    std::string picture(static_cast<size_t>(Below(64, random)), '\0');
    for (char& byte : picture) byte = static_cast<char>(Below(256, random));
    products.Add(ValueView::Int(id), ValueView::Text(name),
                 ValueView::Decimal(Decimal(shop.prices.back())),
                 id % 7 == 0 ? ValueView::Null()
                             : ValueView::Double(static_cast<double>(Below(5'000, random)) / 1000),
                 ValueView::Int(Below(1'000, random)),
                 picture.empty() ? ValueView::Null() : ValueView::Bytes(picture), past.Next());
  }
  products.Finish();
}

void FillOrders(sql::Session& session, PastMoments& past, std::mt19937_64& random, Shop& shop) {
  Loading orders(session, "orders",
                 {"id", "customer_id", "status", "ordered_at", "shipped_at", "note", "updated_at"});
  Loading lines(session, "order_lines",
                {"order_id", "line", "product_id", "quantity", "price", "updated_at"});
  for (int id = 1; id <= kOrders; ++id) {
    const bool shipped = Below(3, random) > 0;
    const ValueView ordered = past.Next();
    orders.Add(ValueView::Int(id), ValueView::Int(1 + Below(kCustomers, random)),
               ValueView::Text(shipped ? "shipped" : "open"), ordered,
               shipped ? ordered : ValueView::Null(), TextOrNull(Pick(kNotes, random)), ordered);
    const int64_t count = 1 + Below(5, random);
    for (int64_t line = 1; line <= count; ++line) {
      const int64_t product = 1 + Below(kProducts, random);
      lines.Add(ValueView::Int(id), ValueView::Int(line), ValueView::Int(product),
                ValueView::Int(1 + Below(9, random)),
                ValueView::Decimal(Decimal(shop.prices[static_cast<size_t>(product - 1)])),
                ordered);
    }
  }
  shop.orders = orders.Finish();
  shop.lines = lines.Finish();
}

}  // namespace

std::string Decimal(int64_t cents) {
  const int64_t absolute = cents < 0 ? -cents : cents;
  return fmt::format("{}{}.{:02}", cents < 0 ? "-" : "", absolute / 100, absolute % 100);
}

int64_t Below(int64_t bound, std::mt19937_64& random) {
  return static_cast<int64_t>(random() % static_cast<uint64_t>(bound));
}

std::string_view RandomName(std::mt19937_64& random) { return Pick(kNames, random); }

std::optional<std::string> RandomCity(std::mt19937_64& random) {
  if (Below(6, random) == 0) return {};
  return std::string(Pick(kCities, random));
}

Shop MakeShop(sql::Session& session, std::mt19937_64& random) {
  Shop shop;
  PastMoments past(random);
  sql::Transaction transaction(session, sql::Session::Isolation::kWrite);
  session.Execute(kTables);
  FillCustomers(session, past, random, shop);
  FillProducts(session, past, random, shop);
  FillOrders(session, past, random, shop);
  transaction.Commit();
  return shop;
}

}  // namespace syncline::cli
