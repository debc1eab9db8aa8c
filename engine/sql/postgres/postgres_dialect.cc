#include "engine/sql/postgres/postgres_dialect.h"

#include "engine/base/error.h"
#include "engine/model/value_text.h"
#include "engine/sql/dialect.h"
#include "engine/sql/quoting.h"
#include "engine/sql/sql_maker.h"

namespace syncline::sql {
namespace {

// Types that may have no equality.
bool ComparesAsText(Type type) { return type == Type::kJson || type == Type::kOther; }

bool IsTime(Type type) {
  return type == Type::kDate || type == Type::kTimestamp || type == Type::kTimestampTz;
}

// See the functions of SqlDialect for what they are.
class PostgresDialect : public SqlDialect {
 public:
  const Capabilities& can() const override {
    static constexpr Capabilities kCan{.is_file = false,
                                       .has_schemas = true,
                                       .has_roles = true,
                                       .has_typed_values = true,
                                       .has_booleans = true,
                                       .has_time_zones = true,
                                       .has_row_locks = true,
                                       .has_bulk_load = true,
                                       .has_staged_statements = true,
                                       .retypes_columns = true};
    return kCan;
  }

  std::string FoldedName(std::string_view name) const override { return std::string(name); }

  // Quoted and without a type, so that the server reads it as whatever it is compared with: the
  // index on a column of any type stays usable, enums and domains included.
  Sql Literal(ValueView value) const override {
    const std::string text = ToText(value);
    if (text.find('\0') != std::string::npos) {
      throw StopError("PostgreSQL cannot hold text with a zero byte");
    }
    // The E'' form reads the same whatever standard_conforming_strings says.
    if (text.find('\\') == std::string::npos) return SqlMaker::Of(InQuotes(text, '\''));
    std::string escaped;
    for (const char c : text) {
      escaped += c;
      if (c == '\\') escaped += c;
    }
    return SqlMaker::Of(" E" + InQuotes(escaped, '\''));
  }

  // A parameter gets the type of the column that it meets, but not its precision.
  Sql Parameter(size_t number, std::string_view native_type) const override {
    return Format("CAST(${} AS {})", number, Declared(native_type));
  }

  std::string_view DefaultSchema() const override { return "public"; }
  std::string_view TemporarySchema() const override { return "pg_temp"; }

  Sql IsSame(const Sql& a, const Sql& b) const override {
    return Format("{} IS NOT DISTINCT FROM {}", a, b);
  }
  Sql Holds(Type type, const Sql& column, const Sql& other) const override {
    if (!ComparesAsText(type)) return IsSame(column, other);
    return IsSame(column + "::text", other + "::text");
  }
  Sql IsSameText(const Sql& a, const Sql& b) const override {
    return Format("{}::text = {}::text COLLATE \"C\"", a, b);
  }

  Sql AsText(const Sql& expression) const override { return expression + "::text"; }
  Sql ExactText(const Sql& expression) const override { return expression + "::text"; }

  Sql Now() const override { return "clock_timestamp()"; }
  Sql Moment(const Column& column, const Sql& version, Type version_type) const override {
    const bool is_time = !version.empty() && IsTime(version_type);
    return Format("CAST({} AS {})", is_time ? version : Sql("now()"), Declared(column.native_type));
  }
  Sql RandomValue(const Column& column) const override {
    switch (column.type) {
      case Type::kText:
        return Format("CAST(md5(random()::text) AS {})", Declared(column.native_type));
      case Type::kInt:
      case Type::kDecimal:
        return Format("CAST(-1 - floor(random() * {}) AS {})",
                      column.native_type == "smallint" ? 30'000 : 2'000'000'000,
                      Declared(column.native_type));
      case Type::kUuid:
        return "gen_random_uuid()";
      case Type::kBytes:
        return "decode(md5(random()::text), 'hex')";
      default:
        return "";
    }
  }

  Sql ForUpdate() const override { return " FOR UPDATE"; }
  Sql KeepIdentity() const override { return " OVERRIDING SYSTEM VALUE"; }
  Sql EmptyAtCommit() const override { return " ON COMMIT DELETE ROWS"; }
  Sql DropAtCommit() const override { return " ON COMMIT DROP"; }
  Sql WithoutRows() const override { return " WITH NO DATA"; }

  Sql DeferConstraints() const override { return "SET CONSTRAINTS ALL DEFERRED"; }
  Sql Retype(const TableName& table, const std::string& column, const Sql& type) const override {
    return Format("ALTER TABLE {0} ALTER COLUMN {1} TYPE {2} USING {1}::{2};", Quote(table),
                  Quote(column), type);
  }

  Sql StampType() const override { return "timestamptz"; }
  Sql BytesType() const override { return "bytea"; }
  Sql JsonType() const override { return "jsonb"; }
  Sql NumberedKeyType() const override { return "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"; }

 private:
  static Sql Declared(std::string_view native_type) {
    return DeclaredType(native_type, Dialect::kPostgres);
  }
};

}  // namespace

const SqlDialect& PostgresSqlDialect() {
  static const PostgresDialect dialect;
  return dialect;
}

}  // namespace syncline::sql
