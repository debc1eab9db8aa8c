#include "engine/model/schema.h"

#include <gtest/gtest.h>

#include "engine/base/error.h"

namespace syncline {
namespace {

TableSchema Items() {
  TableSchema schema;
  schema.table = {"public", "items"};
  schema.columns = {{"id", Type::kInt, "bigint", false},
                    {"price", Type::kDecimal, "numeric(12,2)", true},
                    {"updated_at", Type::kTimestampTz, "timestamp with time zone", false}};
  schema.key = {0};
  schema.cursor = 2;
  return schema;
}

TEST(TableNameTest, ReadsAndWritesQuotedParts) {
  EXPECT_EQ(TableName::Parse("items"), (TableName{"", "items"}));
  EXPECT_EQ(TableName::Parse("public.items"), (TableName{"public", "items"}));
  EXPECT_EQ(TableName::Parse("\"my.schema\".\"odd \"\"name\""),
            (TableName{"my.schema", "odd \"name"}));
  for (const TableName& name :
       {TableName{"", "a b"}, TableName{"my.schema", "x"}, TableName{"s", "q\"q"}}) {
    EXPECT_EQ(TableName::Parse(name.ToString()), name) << name.ToString();
  }
  for (const char* bad : {"", ".", "a.", ".a", "a.b.c", "\"a", "\"\""}) {
    EXPECT_THROW(TableName::Parse(bad), Error) << bad;
  }
}

// Fails when something of the schema is left out of its encoding: then two schemas would share an
// id.
TEST(TableSchemaTest, EveryPartIsInTheEncodingAndInTheId) {
  const TableSchema schema = Items();
  EXPECT_EQ(DecodeSchema(EncodeSchema(schema)), schema);
  std::vector<TableSchema> others(10, schema);
  others[0].table.name = "item";
  others[1].table.schema = "other";
  others[2].columns[1].type = Type::kText;
  others[3].columns[1].native_type = "numeric";
  others[4].columns[1].nullable = false;
  others[5].key = {1};
  others[6].cursor = 1;
  others[7].dialect = Dialect::kSqlite;
  others[8].cursor_fallback = 0;
  others[9].cursor = TableSchema::kNoCursor;
  for (const TableSchema& other : others) {
    EXPECT_NE(other.id(), schema.id());
    EXPECT_EQ(DecodeSchema(EncodeSchema(other)), other);
  }
}

// SQLite takes any bytes for a name. Fails when the encoding does not: the log then holds a schema
// that nobody can read.
TEST(TableSchemaTest, NamesNeedNotBeUtf8) {
  TableSchema schema = Items();
  schema.table.name = "t\xff";
  schema.columns[1].name = "b\xc3";
  schema.columns[1].native_type = "\x80";
  EXPECT_EQ(DecodeSchema(EncodeSchema(schema)), schema);
}

TEST(TableSchemaTest, ASchemaThatPointsOutsideOfItselfIsDamage) {
  TableSchema schema = Items();
  schema.cursor = 3;
  EXPECT_THROW(DecodeSchema(EncodeSchema(schema)), Error);
  schema = Items();
  schema.cursor_fallback = 3;
  EXPECT_THROW(DecodeSchema(EncodeSchema(schema)), Error);
  schema.cursor_fallback = 1;
  schema.cursor = TableSchema::kNoCursor;
  EXPECT_THROW(DecodeSchema(EncodeSchema(schema)), Error);
  schema = Items();
  schema.key = {7};
  EXPECT_THROW(DecodeSchema(EncodeSchema(schema)), Error);
  EXPECT_THROW(DecodeSchema("\xff\xff"), Error);
}

// Fails when either is taken for what nobody knows what to do with.
TEST(TableSchemaTest, ATypeOrADialectThatThereIsNotIsDamage) {
  TableSchema schema = Items();
  schema.columns[1].type = static_cast<Type>(static_cast<int>(Type::kOther) + 1);
  EXPECT_THROW(DecodeSchema(EncodeSchema(schema)), Error);
  for (const int dialect : {0, 3}) {
    schema = Items();
    schema.dialect = static_cast<Dialect>(dialect);
    EXPECT_THROW(DecodeSchema(EncodeSchema(schema)), Error);
  }
}

TEST(TableSchemaTest, TheFallbackCountsWhereTheCursorIsNull) {
  TableSchema schema = Items();
  Row row;
  row.Append(ValueView::Int(1));
  row.Append(ValueView::Int(5));
  row.Append(ValueView());
  EXPECT_TRUE(schema.VersionOf(row).is_null());
  schema.cursor_fallback = 1;
  EXPECT_EQ(Value(schema.VersionOf(row)), Value(ValueView::Int(5)));
  schema.cursor = 0;
  EXPECT_EQ(Value(schema.VersionOf(row)), Value(ValueView::Int(1)));
}

}  // namespace
}  // namespace syncline
