#include "engine/sql/database_url.h"

#include <gtest/gtest.h>

#include "engine/base/error.h"
#include "engine/sql/url_secrets.h"

namespace syncline::sql {
namespace {

TEST(DatabaseUrlTest, TheDisplayFormHoldsNoSecret) {
  const auto display = [](std::string_view text) { return DatabaseUrl::Parse(text).display; };
  EXPECT_EQ(display("postgresql://me:se:cr%40et@host:5433/db"), "postgresql://me@host:5433/db");
  EXPECT_EQ(display("postgres://me@host/db"), "postgres://me@host/db");
  EXPECT_EQ(display("postgresql:///db?host=/tmp&password=secret&port=1"),
            "postgresql:///db?host=/tmp&port=1");
  EXPECT_EQ(display("postgresql://h/db?password=secret"), "postgresql://h/db");
  EXPECT_EQ(display("postgresql://h/db?sslpassword=secret&user=u"), "postgresql://h/db?user=u");
  EXPECT_EQ(display("postgresql://a:secret@h1,h2:2/db"), "postgresql://a@h1,h2:2/db");
  EXPECT_EQ(display("postgresql://"), "postgresql://");
  // A valid password for libpq. Fails when the query is looked for before the '@'.
  EXPECT_EQ(display("postgresql://me:se?cret@h/db?port=1"), "postgresql://me@h/db?port=1");
  EXPECT_EQ(display("postgresql:///db?host=/tmp&user=a@b"), "postgresql:///db?host=/tmp&user=a@b");
}

// Fails when options are judged by their names as they are written.
TEST(DatabaseUrlTest, AnOptionIsJudgedByItsDecodedName) {
  const auto display = [](std::string_view text) { return DatabaseUrl::Parse(text).display; };
  EXPECT_EQ(display("postgresql://h/db?pass%77ord=secret"), "postgresql://h/db");
  EXPECT_EQ(display("postgresql://h/db?port=1&%70assword=secret&user=u"),
            "postgresql://h/db?port=1&user=u");
  EXPECT_EQ(display("postgresql://h/db?%73slpass%77ord=secret"), "postgresql://h/db");
  EXPECT_EQ(display("postgresql://h/db?passfile=/home/me/.pgpass"),
            "postgresql://h/db?passfile=/home/me/.pgpass");
  EXPECT_EQ(display("postgresql:///?service=shop"), "postgresql:///?service=shop");
}

TEST(UrlSecretsTest, AreFoundAroundReferences) {
  const std::string uri = "postgresql://me:${file:/run/secrets/a@b?c}@h/db?sslpass%77ord=x&a=b";
  const std::vector<UrlSecret> secrets = SecretsIn(uri);
  ASSERT_EQ(secrets.size(), 2u);
  EXPECT_EQ(secrets[0].name, "password");
  EXPECT_EQ(uri.substr(secrets[0].begin, secrets[0].end - secrets[0].begin),
            "${file:/run/secrets/a@b?c}");
  EXPECT_EQ(secrets[1].name, "sslpassword");
  EXPECT_EQ(uri.substr(secrets[1].begin, secrets[1].end - secrets[1].begin), "x");
  EXPECT_TRUE(SecretsIn("sqlite:a.db").empty());
  EXPECT_TRUE(SecretsIn("postgresql://me@h:1/db?a=b").empty());
  EXPECT_TRUE(SecretsIn("postgresql://h:1/db").empty());
}

TEST(DatabaseUrlTest, TheConnectionIsTheTextItself) {
  const DatabaseUrl url = DatabaseUrl::Parse("postgresql://me:secret@host/db");
  EXPECT_EQ(url.dialect, Dialect::kPostgres);
  EXPECT_EQ(url.connection, "postgresql://me:secret@host/db");
}

TEST(DatabaseUrlTest, SqlitePathsAreTakenFromTheBase) {
  const DatabaseUrl url = DatabaseUrl::Parse("sqlite:data/../mirror.db", "/etc/sync");
  EXPECT_EQ(url.dialect, Dialect::kSqlite);
  EXPECT_EQ(url.connection, "/etc/sync/mirror.db");
  EXPECT_EQ(url.display, "sqlite:/etc/sync/mirror.db");
  EXPECT_EQ(DatabaseUrl::Parse("sqlite:///abs/x.db", "/base").connection, "/abs/x.db");
  EXPECT_EQ(DatabaseUrl::Parse("sqlite:/abs/x.db", "/base").connection, "/abs/x.db");
  EXPECT_EQ(DatabaseUrl::Parse("sqlite:x.db").connection, "x.db");
}

// Fails when libpq's own message is passed on: it quotes the address.
TEST(DatabaseUrlTest, MistakesAreUsageErrorsThatTellTheFormAndNoSecret) {
  for (const char* text :
       {"", "shop", "mysql://me:secret@h/db", "sqlite:", "sqlite::memory:", "postgresql:secret",
        "postgresql://me:sec%ret@h/db", "postgresql://h/db?unknown=secret",
        // libpq accepts these two, and would tell the secret as a wrong host or port.
        "postgresql://me:x@secret@h/db", "postgresql://me:sec/ret@h/db",
        // Keywords and values, which are no address here.
        "host=h password=sec:ret", "postgresql:host=h password=secret",
        // A connection string in the place of a database's name.
        "postgresql:///host=h%20password=secret", "postgresql:///db?dbname=password=secret",
        "postgresql:///?dbname=postgresql://me:secret@h/db"}) {
    try {
      DatabaseUrl::Parse(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 2) << text;
      EXPECT_FALSE(error.hint().empty()) << text;
      EXPECT_EQ(error.message().find("sec"), std::string::npos) << error.message();
    }
  }
}

// Fails when two digits without a percent sign are decoded, or a sign without two digits is not
// left as it is.
TEST(UrlSecretsTest, OnlyAPercentSignWithTwoDigitsIsDecoded) {
  for (const char* text : {"", "abcdef", "xab12", "100%", "%4", "%zz", "%4g", "50%-"}) {
    EXPECT_EQ(PercentDecoded(text), text);
  }
  EXPECT_EQ(PercentDecoded("%41%62c%20"), "Abc ");
  EXPECT_EQ(PercentDecoded("%2541"), "%41");
  EXPECT_EQ(PercentDecoded("%e4%C3"), "\xe4\xc3");
}

}  // namespace
}  // namespace syncline::sql
