#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/base/error.h"
#include "tools/config/config_draft.h"
#include "tools/config/table_advice.h"

namespace syncline::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

sql::TableInfo Table(const std::string& name,
                     const std::vector<std::pair<std::string, Type>>& columns) {
  sql::TableInfo info;
  info.name = {"public", name};
  for (const auto& [column, type] : columns) info.columns.push_back({.column = {column, type}});
  info.primary_key = {columns.front().first};
  return info;
}

TEST(TableAdviceTest, TheLikeliestColumnIsProposedIfItsTypeFits) {
  const auto info = Table("a", {{"id", Type::kInt},
                                {"created_at", Type::kTimestampTz},
                                {"Modified_At", Type::kTimestamp},
                                {"updated_at", Type::kJson}});
  const TableAdvice advice = AdviseTable(info, Dialect::kPostgres);
  EXPECT_EQ(advice.cursor, "Modified_At");
  EXPECT_THAT(advice.caution, HasSubstr("no index"));
  EXPECT_EQ(advice.problem, "");
}

// A row that was never updated would not be captured by its time of update.
TEST(TableAdviceTest, TheCreationTimeIsAddedWhereTheTimeOfUpdateMayBeNull) {
  auto info = Table(
      "a",
      {{"id", Type::kInt}, {"created_at", Type::kTimestampTz}, {"updated_at", Type::kTimestampTz}});
  EXPECT_EQ(AdviseTable(info, Dialect::kPostgres).cursor, "updated_at");
  info.columns[1].column.nullable = false;
  EXPECT_EQ(AdviseTable(info, Dialect::kPostgres).cursor, "coalesce(updated_at, created_at)");
  EXPECT_EQ(
      WhyNotCapturable(info, Dialect::kPostgres, {.cursor = "coalesce(updated_at, created_at)"}),
      "");
  EXPECT_THAT(
      WhyNotCapturable(info, Dialect::kPostgres, {.cursor = "coalesce(updated_at, made_at)"}),
      HasSubstr("made_at"));
  info.columns[2].column.nullable = false;
  EXPECT_EQ(AdviseTable(info, Dialect::kPostgres).cursor, "updated_at");
}

// On PostgreSQL each row tells which transaction wrote it.
TEST(TableAdviceTest, WhereNoColumnIsACursorThereMayBeAnotherMethod) {
  sql::TableInfo info = Table("a", {{"id", Type::kInt}, {"created_at", Type::kTimestampTz}});
  const TableAdvice advice = AdviseTable(info, Dialect::kPostgres);
  EXPECT_EQ(advice.capture, capture::CaptureMethod::kXmin);
  EXPECT_EQ(advice.cursor + advice.problem, "");
  EXPECT_THAT(advice.caution, HasSubstr("reads the whole table"));
  const WantedCapture wanted{.method = advice.capture};
  EXPECT_EQ(WhyNotCapturable(info, Dialect::kPostgres, wanted), "");
  info.kind = sql::TableInfo::Kind::kView;
  EXPECT_EQ(AdviseTable(info, Dialect::kPostgres).capture, capture::CaptureMethod::kCompare);
  EXPECT_THAT(WhyNotCapturable(info, Dialect::kPostgres, wanted), HasSubstr("rows of a view"));
  const TableAdvice on_sqlite = AdviseTable(info, Dialect::kSqlite);
  EXPECT_EQ(on_sqlite.capture, capture::CaptureMethod::kCompare);
  EXPECT_THAT(on_sqlite.caution, HasSubstr("compared with the log"));
}

TEST(TableAdviceTest, WithoutAKeyThereIsAReason) {
  sql::TableInfo info = Table("a", {{"id", Type::kInt}, {"name", Type::kText}});
  info.primary_key.clear();
  EXPECT_THAT(AdviseTable(info, Dialect::kPostgres).problem, HasSubstr("no primary key"));
  info.unique_keys = {{"name"}};
  EXPECT_EQ(AdviseTable(info, Dialect::kPostgres).key, std::vector<std::string>{"name"});
}

// Fails when a password is copied into the file.
TEST(ConfigDraftTest, PasswordsStayOutOfTheFile) {
  const auto url_of = [](const std::string& url) { return WithoutSecrets(url, "my-shop").url; };
  EXPECT_EQ(url_of("postgresql://me:secret@h:5/shop?a=b"),
            "postgresql://me:${MY_SHOP_PASSWORD}@h:5/shop?a=b");
  EXPECT_EQ(url_of("postgresql:///shop?host=/tmp&password=secret&port=5"),
            "postgresql:///shop?host=/tmp&password=${MY_SHOP_PASSWORD}&port=5");
  EXPECT_EQ(url_of("postgresql://me@h/shop"), "postgresql://me@h/shop");
}

// Fails when only `password=` is looked for, as it is written.
TEST(ConfigDraftTest, AllSecretsBecomeReferences) {
  const DraftAddress draft = WithoutSecrets(
      "postgresql://me:${PW}@h/shop?pass%77ord=secret&sslpassword=hidden&passfile=/x", "shop");
  EXPECT_EQ(draft.url,
            "postgresql://me:${PW}@h/shop?pass%77ord=${SHOP_PASSWORD}"
            "&sslpassword=${SHOP_SSLPASSWORD}&passfile=/x");
  EXPECT_EQ(draft.variables, (std::vector<std::string>{"SHOP_PASSWORD", "SHOP_SSLPASSWORD"}));
}

TEST(ConfigDraftTest, DatabasesAreNamedAfterTheirUrls) {
  EXPECT_EQ(NameForUrl("postgresql://me@h:5/my shop?x=/a/b"), "my-shop");
  EXPECT_EQ(NameForUrl("postgresql:///shop?host=/tmp"), "shop");
  EXPECT_EQ(NameForUrl("sqlite:/var/lib/shop.v2.db"), "shop-v2");
  EXPECT_EQ(NameForUrl("sqlite:mirror.db"), "mirror");
  EXPECT_EQ(NameForUrl("postgresql://host"), "source");
}

TEST(ConfigDraftTest, TextsThatYamlWouldReadOtherwiseAreQuoted) {
  EXPECT_EQ(YamlText("public.items"), "public.items");
  EXPECT_EQ(YamlText("public.\"odd name\""), "\"public.\\\"odd name\\\"\"");
  EXPECT_EQ(YamlText("yes"), "\"yes\"");
  EXPECT_EQ(YamlText("42"), "\"42\"");
  EXPECT_EQ(YamlText(""), "\"\"");
  EXPECT_EQ(YamlText("a\u202e\x7f"), "\"a\\u202e\\u007f\"");
}

// Seen to fail: the file's content stood in the messages of the configuration that was drafted.
TEST(ConfigDraftTest, AColumnsNameIsNoReference) {
  const std::string name = "${file:/etc/hostname}";
  sql::TableInfo table = Table("t", {{name, Type::kInt}, {"updated_at", Type::kTimestampTz}});
  table.primary_key.clear();
  table.unique_keys = {{name}};
  const Draft draft =
      DraftConfig({"a", "sqlite:a.db"}, {"b", "sqlite:b.db"}, Dialect::kSqlite, {{table, {}}});
  EXPECT_THAT(draft.text, HasSubstr("key: [\"$${file:/etc/hostname}\"]"));
}

TEST(ConfigDraftTest, TheDraftIsAConfigurationThatIsUnderstood) {
  sql::TableInfo odd =
      Table("odd \"name\": #1", {{"the id", Type::kInt}, {"changed_at", Type::kTimestamp}});
  odd.primary_key.clear();
  odd.unique_keys = {{"the id"}};
  sql::TableInfo keyless = Table("keyless", {{"id", Type::kInt}});
  keyless.primary_key.clear();
  const std::vector<CatalogueTable> tables = {
      {Table("a", {{"id", Type::kInt}, {"updated_at", Type::kTimestampTz}}), {}},
      {Table("b", {{"id", Type::kInt}, {"updated_at", Type::kTimestampTz}}), {}},
      {odd, {}},
      {Table("plain", {{"id", Type::kInt}}), {}},
      {keyless, {}},
      {{.name = {"public", "secret"}}, "permission denied"}};
  const Draft draft = DraftConfig({"shop", "postgresql:///shop"}, {"mirror", "sqlite:mirror.db"},
                                  Dialect::kPostgres, tables);
  EXPECT_EQ(draft.tables, 4u);
  EXPECT_EQ(draft.left_out, 2u);
  EXPECT_THAT(draft.text, HasSubstr("# public.keyless: {}  # left out: no primary key"));
  EXPECT_THAT(draft.text, HasSubstr("# public.secret: {}  # left out: permission denied"));
  const Config config = ParseConfig(draft.text, "syncline.yaml");
  const auto& rules = config.Pipeline("shop-to-mirror").tables;
  ASSERT_EQ(rules.size(), 4u);
  EXPECT_EQ(rules[0].cursor, "updated_at");
  EXPECT_EQ(TableName::Parse(rules[2].pattern), odd.name);
  EXPECT_EQ(rules[2].key, std::vector<std::string>{"the id"});
  EXPECT_EQ(rules[2].cursor, "changed_at");
  EXPECT_EQ(rules[3].capture, capture::CaptureMethod::kXmin);
  EXPECT_EQ(rules[3].conflict, apply::ConflictRule::kSourceWins);
}

// A counter of each row's own is no cursor, and the table is captured all the same.
TEST(ConfigDraftTest, AColumnThatIsRefusedIsNotWrittenDown) {
  const sql::TableInfo items = Table("items", {{"id", Type::kInt}, {"version", Type::kInt}});
  const Draft draft =
      DraftConfig({"shop", "postgresql:///shop"}, {"mirror", "sqlite:mirror.db"},
                  Dialect::kPostgres, {{items, {}}},
                  {{items.name, {capture::GuaranteeClass::kRefused, "it counts by itself", ""}}});
  EXPECT_THAT(draft.text, HasSubstr("public.items: {capture: xmin}"));
}

TEST(ConfigDraftTest, WithoutADatabaseItIsAnExample) {
  for (Dialect dialect : {Dialect::kPostgres, Dialect::kSqlite}) {
    const bool postgres = dialect == Dialect::kPostgres;
    const Draft draft = DraftConfig({"shop", postgres ? "postgresql:///shop" : "sqlite:shop.db"},
                                    {"mirror", "sqlite:mirror.db"}, dialect, {});
    EXPECT_NO_THROW(ParseConfig(draft.text, "syncline.yaml"));
  }
}

}  // namespace
}  // namespace syncline::cli
