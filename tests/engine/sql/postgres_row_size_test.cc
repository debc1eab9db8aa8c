// How large a row is, as the server is asked for it: in as few words as its columns' types allow.
#include "engine/sql/postgres/rows/postgres_row_size.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/sql/postgres/rows/postgres_types.h"

namespace syncline::sql {
namespace {

constexpr uint64_t kRowBytesMax = 16 << 20;

// Of a row of one column of that type.
std::string SizeOf(const std::string& native_type, TypeOid type) {
  const TableSchema schema{.table = {"public", "t"},
                           .columns = {{"c", Type::kText, native_type, true}}};
  return RowSizeSql({.schema = schema, .row_bytes_max = kRowBytesMax}, {type}).ToString();
}

// Fails when a length that bounds a value well below the limit is not read, or one that does not
// is believed: then each row is measured that need not be, or none.
TEST(PostgresRowSizeTest, ShortTextsAreNotMeasured) {
  EXPECT_EQ(SizeOf("integer", oid::kInt4), "");
  EXPECT_EQ(SizeOf("character varying(20)", oid::kVarchar), "");
  EXPECT_EQ(SizeOf("character(20)", oid::kBpchar), "");
  EXPECT_EQ(SizeOf("character varying(262144)", oid::kVarchar), "") << "a sixteenth, in bytes";
  EXPECT_NE(SizeOf("character varying(262145)", oid::kVarchar), "");
}

// Fails when a value whose length the server knows is written out to be measured.
TEST(PostgresRowSizeTest, TextsAreAskedForTheirLengthAndTheRestIsWrittenOutWhereItMayBeLarge) {
  const std::string length = "coalesce(pg_catalog.octet_length(\"c\")::int8, 0)";
  EXPECT_EQ(SizeOf("text", oid::kText), length);
  EXPECT_EQ(SizeOf("character varying", oid::kVarchar), length);
  EXPECT_EQ(SizeOf("character(10485760)", oid::kBpchar), length);
  EXPECT_EQ(SizeOf("bytea", oid::kBytea), length);
  EXPECT_NE(
      SizeOf("jsonb", oid::kJsonb).find("pg_column_size(\"c\") OPERATOR(pg_catalog.>) 65536 "),
      std::string::npos)
      << SizeOf("jsonb", oid::kJsonb);
}

}  // namespace
}  // namespace syncline::sql
