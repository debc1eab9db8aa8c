#include "tools/config/expansion.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "engine/base/error.h"
#include "tools/commands/argument_secrets.h"

namespace syncline::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class ExpansionTest : public testing::Test {
 protected:
  ExpansionTest() {
    std::string pattern = testing::TempDir() + "/syncline-expansion-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    ::setenv("SYNCLINE_TEST_SECRET", "s3cr${t", 1);
  }
  ~ExpansionTest() override {
    fs::remove_all(folder_);
    ::unsetenv("SYNCLINE_TEST_SECRET");
  }

  std::string File(const std::string& name, std::string_view content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return (folder_ / name).string();
  }
  std::string FromFile(std::string_view content) const {
    return Expand("${file:" + File("secret", content) + "}").text;
  }
  static std::string Problem(const std::string& text) {
    const Expansion expansion = Expand(text);
    EXPECT_NE(expansion.problem, "") << text;
    EXPECT_THAT(expansion.problem, Not(HasSubstr("s3cr"))) << text;
    return expansion.problem;
  }

  fs::path folder_;
};

TEST_F(ExpansionTest, ReferencesBecomeWhatTheyNameAndNothingIsExpandedTwice) {
  EXPECT_EQ(Expand("a").text, "a");
  EXPECT_EQ(Expand("a${SYNCLINE_TEST_SECRET}b$${c}").text, "as3cr${tb${c}");
  EXPECT_EQ(FromFile("pw\n"), "pw");
  EXPECT_EQ(FromFile("pw\r\n"), "pw");
  EXPECT_EQ(FromFile("pw\n\n"), "pw\n");
  EXPECT_EQ(FromFile(" ${HOME} "), " ${HOME} ");
  EXPECT_EQ(FromFile(std::string(64 << 10, 'x')), std::string(64 << 10, 'x'));
}

// As Kubernetes gives secrets.
TEST_F(ExpansionTest, AFileMayBeBehindALink) {
  fs::create_symlink(File("real", "pw"), folder_ / "link");
  EXPECT_EQ(Expand("${file:" + (folder_ / "link").string() + "}").text, "pw");
}

TEST_F(ExpansionTest, ProblemsNameTheReferenceAndNeverTheContent) {
  EXPECT_THAT(Problem("${SYNCLINE_TEST_UNSET}"), HasSubstr("SYNCLINE_TEST_UNSET"));
  EXPECT_THAT(Problem("${file:/nowhere/x}"), HasSubstr("/nowhere/x: No such file"));
  EXPECT_THAT(Problem("${file:relative}"), HasSubstr("absolute"));
  EXPECT_THAT(Problem("${file:" + folder_.string() + "}"), HasSubstr("no plain file"));
  EXPECT_THAT(Problem("${file:" + File("a", std::string((64 << 10) + 1, 'x')) + "}"),
              HasSubstr("more than"));
  EXPECT_THAT(Problem("${file:" + File("b", std::string_view("s3cr\0t", 6)) + "}"),
              HasSubstr("zero byte"));
  EXPECT_THAT(Problem("${file:" + File("c", "\n") + "}"), HasSubstr("empty"));
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(Problem("${file:" + (folder_ / "pipe").string() + "}"), HasSubstr("no plain file"));
  Problem("pw${");
  Problem("p${s3cr-t}");
  Problem("${}");
}

TEST_F(ExpansionTest, AnAddressOfTheCommandLineMayHaveThem) {
  const std::string url =
      "postgresql://me:${file:" + File("pw", "pa%40ss\n") + "}@h/db?sslpassword=x";
  EXPECT_EQ(ParseAddress(url).connection, "postgresql://me:pa%40ss@h/db?sslpassword=x");
  EXPECT_EQ(ParseAddress(url).display, "postgresql://me@h/db");
  EXPECT_TRUE(HoldsSecret(url));
  EXPECT_FALSE(HoldsSecret("postgresql://me:${PW}@h/db"));
  EXPECT_EQ(FilesReferredTo("a: ${file:/x/y}\nb: $${file:/z}"), std::vector<fs::path>{"/x/y"});
  EXPECT_THROW(ParseAddress("postgresql://me:${SYNCLINE_TEST_UNSET}@h/db"), Error);
}

// Fails when ps shows a password that was given on the command line.
TEST(ArgumentSecretsTest, AddressesOnTheCommandLineLoseTheirSecrets) {
  const auto shown = [](std::string argument) {
    std::string program = "syncline";
    char* arguments[] = {program.data(), argument.data()};
    HideSecrets(2, arguments);
    return std::string(argument.c_str());
  };
  EXPECT_EQ(shown("--into=postgresql://me:secret@h/db?pass%77ord=x&port=1"),
            "--into=postgresql://me@h/db?port=1");
  EXPECT_EQ(shown("postgres://me:sec/r@et@h/db"), "postgres://me@h/db");
  EXPECT_EQ(shown("postgresql://me@h/db"), "postgresql://me@h/db");
  EXPECT_EQ(shown("sqlite:a.db"), "sqlite:a.db");
  EXPECT_EQ(shown("postgresql://me:a@b@h"), "postgresql://me@h");
}

}  // namespace
}  // namespace syncline::cli
