// Any text as what a catalogue, or a log, names: a declared type, a column, a table. What becomes
// of it in a statement is asked of SQLite, which has to see one statement of what was meant, and
// nothing else. u8: the type of the column; then the text.
#include <sqlite3.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "engine/sql/dialect.h"
#include "tests/fuzz/fuzz_target.h"

namespace syncline::fuzz {
namespace {

using Database = std::unique_ptr<sqlite3, int (*)(sqlite3*)>;
using Statement = std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)>;

// One for all inputs, since to open one takes longer than all that is asked of it.
sqlite3* TheDatabase() {
  static const Database database = [] {
    sqlite3* opened = nullptr;
    SYNCLINE_CHECK_EQ(::sqlite3_open(":memory:", &opened), SQLITE_OK);
    return Database(opened, ::sqlite3_close);
  }();
  return database.get();
}

void Run(const char* sql) {
  SYNCLINE_CHECK_EQ(::sqlite3_exec(TheDatabase(), sql, nullptr, nullptr, nullptr), SQLITE_OK);
}

// The one statement that `text` is; nothing if SQLite refuses it.
Statement Prepare(const std::string& text) {
  sqlite3_stmt* statement = nullptr;
  const char* rest = nullptr;
  const int code = ::sqlite3_prepare_v2(TheDatabase(), text.c_str(), static_cast<int>(text.size()),
                                        &statement, &rest);
  if (code == SQLITE_OK) SYNCLINE_CHECK_EQ(rest - text.c_str(), static_cast<long>(text.size()));
  return {statement, ::sqlite3_finalize};
}

std::string TextOf(sqlite3_stmt* statement, int column) {
  const auto* text = reinterpret_cast<const char*>(::sqlite3_column_text(statement, column));
  return text == nullptr ? "" : std::string(text, ::sqlite3_column_bytes(statement, column));
}

void CheckSqliteType(const sql::Sql& type) {
  Run("BEGIN");
  const std::string create = "CREATE TABLE t (before INT, c " + type.ToString() + ", behind INT)";
  Statement made = Prepare(create);
  SYNCLINE_CHECK(made != nullptr);
  SYNCLINE_CHECK_EQ(::sqlite3_step(made.get()), SQLITE_DONE);
  Statement look = Prepare(
      "SELECT (SELECT count(*) FROM sqlite_schema), (SELECT group_concat(name || pk || \"notnull\" "
      "|| hidden || ifnull(dflt_value, '')) FROM pragma_table_xinfo('t'))");
  SYNCLINE_CHECK_EQ(::sqlite3_step(look.get()), SQLITE_ROW);
  SYNCLINE_CHECK_EQ(::sqlite3_column_int(look.get(), 0), 1);
  SYNCLINE_CHECK_EQ(TextOf(look.get(), 1), "before000,c000,behind000");
  made.reset();
  look.reset();
  Run("ROLLBACK");
}

// Outside of quotes a type is words, numbers and what joins them.
void CheckPostgresType(const sql::Sql& type) {
  bool quoted = false;
  for (const char c : type.text()) {
    if (c == '"') quoted = !quoted;
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || std::strchr("_ .,()[]-\"", c) != nullptr;
    SYNCLINE_CHECK(c != '\0' && (quoted || is_plain));
  }
  SYNCLINE_CHECK(!quoted);
  SYNCLINE_CHECK(type.text().find("--") == std::string_view::npos);
}

void TryType(Type declared, const std::string& text) {
  const Column column{.name = "c", .type = declared, .native_type = text};
  for (const Dialect from : {Dialect::kPostgres, Dialect::kSqlite}) {
    SYNCLINE_CHECK(!TypeName(sql::TypeOf(text, from)).empty());
    for (const Dialect to : {Dialect::kPostgres, Dialect::kSqlite}) {
      const auto type = Decoded([&] { return sql::ColumnTypeFor(column, from, to); });
      if (!type) continue;
      to == Dialect::kSqlite ? CheckSqliteType(*type) : CheckPostgresType(*type);
    }
  }
}

void TryName(const std::string& name) {
  const auto quoted = Decoded([&] { return sql::Quote(name); });
  SYNCLINE_CHECK(quoted.has_value() == (name.find('\0') == name.npos));
  if (!quoted) return;
  const Statement named = Prepare("SELECT 1 AS " + quoted->ToString());
  SYNCLINE_CHECK(named != nullptr);
  SYNCLINE_CHECK_EQ(std::string(::sqlite3_column_name(named.get(), 0)), name);
}

void TryText(const std::string& text) {
  for (const ValueView value : {ValueView::Text(text), ValueView::Bytes(text)}) {
    const auto literal = Decoded([&] { return sql::Literal(value, Dialect::kSqlite); });
    if (!literal) continue;
    const Statement read = Prepare("SELECT " + literal->ToString());
    SYNCLINE_CHECK(read != nullptr);
    SYNCLINE_CHECK_EQ(::sqlite3_step(read.get()), SQLITE_ROW);
    SYNCLINE_CHECK_EQ(TextOf(read.get(), 0), text);
  }
  // What is quoted ends where the literal ends.
  const auto literal = Decoded([&] { return sql::TextLiteral(text, Dialect::kPostgres); });
  if (literal) SYNCLINE_CHECK(literal->text().ends_with('\''));
}

void TryTable(const std::string& text) {
  const auto table = Decoded([&] { return TableName::Parse(text); });
  if (!table) return;
  SYNCLINE_CHECK(TableName::Parse(table->ToString()) == *table);
}

}  // namespace

std::vector<Seed> Seeds() {
  std::vector<Seed> seeds;
  for (const char* text :
       {"INTEGER", "VARCHAR(20)", "numeric(12,2)", "timestamp(3) with time zone", "text[]",
        "public.\"odd \"\"type\"", "geometry(Point,4326)", "INT); DROP TABLE t; --",
        "INT DEFAULT 1", "INT PRIMARY KEY", "GENERATED ALWAYS AS (1)", "\"a\".\"b\"", "a''b\"c",
        "interval day to second", "UNSIGNED BIG INT", "x' /* */", "DOUBLE PRECISION"}) {
    for (const Type type : {Type::kText, Type::kDecimal, Type::kOther}) {
      seeds.push_back({"catalogue_" + std::to_string(seeds.size()),
                       static_cast<char>(type) + std::string(text)});
    }
  }
  return seeds;
}

}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace syncline::fuzz;
  if (size == 0) return 0;
  const auto type = static_cast<syncline::Type>(data[0] % 14);
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  TryType(type, text);
  TryName(text);
  TryText(text);
  TryTable(text);
  return 0;
}
