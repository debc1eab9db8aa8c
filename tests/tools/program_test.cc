#include "tools/commands/program.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/tools/sqlite_files.h"

namespace syncline::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

// Where the log ends after the first poll of MakeSource's tables: two rows, and the mark that
// closes the cut, since the poll after the load finds nothing new.
constexpr int kLoaded = 3;

// Whole commands, in this process.
class ProgramTest : public SqliteFilesTest {
 protected:
  struct Result {
    int code;
    std::string out;
    std::string err;
    nlohmann::json json() const { return nlohmann::json::parse(out); }
  };

  // Words of `line` are arguments; -c is put before them.
  Result Run(const std::string& line) {
    std::vector<std::string> words = {"syncline", "-c", (folder_ / "syncline.yaml").string()};
    std::istringstream in(line);
    for (std::string word; in >> word;) words.push_back(word);
    std::vector<const char*> argv;
    for (const std::string& word : words) argv.push_back(word.c_str());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = RunProgram(static_cast<int>(argv.size()), argv.data());
    return {code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
  }

  std::string Sqlite(const std::string& name) { return "sqlite:" + (folder_ / name).string(); }

  void MakeSource() {
    Execute("source",
            "CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT, updated_at INTEGER NOT NULL);"
            "CREATE INDEX items_updated_at ON items(updated_at);"
            "CREATE TABLE keyless(name TEXT, updated_at INTEGER);"
            "INSERT INTO items VALUES (1, 'one', 1), (2, 'two', 2)");
  }

  void Configure() {
    std::ofstream(folder_ / "syncline.yaml")
        << "log: log\ndatabases: {source: 'sqlite:source.db', target: 'sqlite:target.db'}\n"
           "defaults: {cursor: updated_at}\n"
           "pipelines: {way: {from: source, to: target, tables: [items]}}\n";
  }
};

TEST_F(ProgramTest, MistakesOnTheCommandLineExitWith2AndPointToHelp) {
  for (const auto& [line, message] : std::vector<std::pair<std::string, std::string>>{
           {"", "subcommand"},
           {"statu", "did you mean \"status\"?"},
           {"status --jsn", "--jsn"},
           {"status --log-level loud", "--log-level"},
           {"offsets set way nine", "offset"},
           {"offsets set way", "offset"},
           {"replay way", "--into"},
           {"replay way --into sqlite:x --to-offset 1 --to-time 2026-01-01", "--to-"},
           {"demo --seconds 0", "--seconds"},
           {"log cat --limit 0", "--limit"}}) {
    const Result result = Run(line);
    EXPECT_EQ(result.code, 2) << line;
    EXPECT_THAT(result.err, AllOf(HasSubstr("error: "), HasSubstr(message), HasSubstr("hint: ")))
        << line;
    EXPECT_THAT(result.out, IsEmpty()) << line;
  }
}

TEST_F(ProgramTest, EveryCommandHasHelpWithItsName) {
  for (const char* command : {"demo", "init", "check", "run", "capture", "apply", "status", "log",
                              "log cat", "replay", "offsets"}) {
    const Result result = Run(std::string(command) + " --help");
    EXPECT_EQ(result.code, 0) << command;
    EXPECT_THAT(result.out, HasSubstr("Usage:")) << command;
  }
  EXPECT_THAT(Run("--help").out, AllOf(HasSubstr("syncline demo"), HasSubstr("Exit codes")));
  EXPECT_THAT(Run("--version").out, HasSubstr("syncline 0."));
}

TEST_F(ProgramTest, WithoutAConfigurationTheHintIsInit) {
  const Result result = Run("status");
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, HasSubstr("syncline init"));
}

TEST_F(ProgramTest, WithJsonErrorsAreJson) {
  const Result result = Run("status --json");
  const auto error = nlohmann::json::parse(result.err)["error"];
  EXPECT_EQ(error["exit_code"], 2);
  EXPECT_THAT(error["hint"].get<std::string>(), HasSubstr("syncline init"));
}

// Fails when results and what is told about them cannot be had in different forms: seen so before
// the option was there.
TEST_F(ProgramTest, TheFormOfLogLinesIsAnOptionOfItsOwn) {
  const Result json = Run("status --log-format json");
  EXPECT_EQ(nlohmann::json::parse(json.err)["error"]["exit_code"], 2);
  const Result text = Run("status --json --log-format text");
  EXPECT_THAT(text.err, AllOf(HasSubstr("error: "), HasSubstr("hint: ")));
  EXPECT_THAT(Run("status --log-format xml").err, HasSubstr("--log-format"));
  // What is wrong with the command line, too; seen to fail where it was wrong before the option.
  for (const char* line :
       {"--log-format json status --log-level much", "--log-level much status --json",
        "--log-level much status --log-format=json", "--bogus --log-format json"}) {
    const Result wrong = Run(line);
    EXPECT_EQ(wrong.code, 2);
    EXPECT_EQ(nlohmann::json::parse(wrong.err)["error"]["exit_code"], 2) << line;
  }

  MakeSource();
  EXPECT_EQ(Run("init " + Sqlite("source.db") + " --to " + Sqlite("target.db")).code, 0);
  const Result run = Run("run --once --log-format json");
  EXPECT_EQ(run.code, 0) << run.err;
  std::istringstream lines(run.err);
  std::vector<std::string> phrases;
  for (std::string line; std::getline(lines, line);) {
    phrases.push_back(nlohmann::json::parse(line)["message"]);
  }
  EXPECT_THAT(phrases, testing::Contains("table loaded"));
  EXPECT_THAT(run.out, testing::Not(testing::StartsWith("{")));
}

TEST_F(ProgramTest, FromInitToReplay) {
  MakeSource();
  const Result init = Run("init " + Sqlite("source.db") + " --to " + Sqlite("target.db"));
  EXPECT_EQ(init.code, 0) << init.err;
  EXPECT_THAT(init.out, AllOf(HasSubstr("1 tables"), HasSubstr("1 left out")));
  EXPECT_EQ(Run("init").code, 2) << "never over a file that is there";

  const Result check = Run("check --json");
  EXPECT_EQ(check.code, 0) << check.out;
  EXPECT_EQ(check.json()["failed"], 0);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "target.db")) << "a check makes nothing";

  const Result before = Run("status");
  EXPECT_EQ(before.code, 0);
  EXPECT_THAT(before.out, HasSubstr("no log yet"));
  EXPECT_EQ(Run("status --max-lag 1h").code, 1) << "an unknown lag is over every limit";

  EXPECT_EQ(Run("run --once").code, 0);
  const auto status = Run("status --json --max-lag 0s").json()["pipelines"][0];
  EXPECT_EQ(status["state"], "in step");
  EXPECT_EQ(status["next_offset"], kLoaded);
  EXPECT_EQ(status["lag_changes"], 0);

  EXPECT_EQ(Run("replay source-to-target --into " + Sqlite("again.db")).code, 0);
  EXPECT_EQ(One("again", "SELECT group_concat(name) FROM items"), "one,two");
}

TEST_F(ProgramTest, OffsetsAreShownAndSetWithinTheLog) {
  MakeSource();
  Configure();
  EXPECT_EQ(Run("run --once").code, 0);
  EXPECT_EQ(Run("offsets show --json").json()["pipelines"][0]["next_offset"], kLoaded);
  const Result set = Run("offsets set way 0");
  EXPECT_EQ(set.code, 0);
  EXPECT_THAT(set.err, AllOf(HasSubstr("old=3"), HasSubstr("new=0")))
      << "who moves offsets is in the log";
  EXPECT_EQ(Run("status --json").json()["pipelines"][0]["lag_changes"], kLoaded);
  EXPECT_EQ(Run("apply --once").code, 0);
  EXPECT_EQ(Run("offsets show --json").json()["pipelines"][0]["next_offset"], kLoaded);
  const Result beyond = Run("offsets set way 4");
  EXPECT_EQ(beyond.code, 2);
  EXPECT_THAT(beyond.err, HasSubstr("0 to 3"));
}

TEST_F(ProgramTest, TheLogIsListedCountedAndShown) {
  MakeSource();
  Configure();
  EXPECT_EQ(Run("log ls --json").json()["logs"][0]["log_id"], nullptr);
  EXPECT_EQ(Run("log cat").code, 3) << "there is no log yet";
  EXPECT_EQ(Run("capture --once").code, 0);
  Execute("source", "UPDATE items SET name = 'TWO', updated_at = 3 WHERE id = 2");
  EXPECT_EQ(Run("capture --once").code, 0);
  EXPECT_EQ(Run("log ls --json").json()["logs"][0]["changes"], kLoaded + 1);
  const auto stat = Run("log stat --json").json();
  EXPECT_EQ(stat["end"], kLoaded + 1);
  EXPECT_EQ(stat["cut_open"], false);
  EXPECT_GE(stat["frames"], 2);

  std::istringstream history(Run("log cat source --table items --key 2 --json").out);
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(history, line);) lines.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1]["row"]["name"], "TWO");
  EXPECT_EQ(lines[1]["previous"], lines[0]["version"]);
  EXPECT_EQ(lines[1]["closes_cut"], true);
  EXPECT_THAT(Run("log cat --from 1 --to 2").out,
              AllOf(HasSubstr("id=2"), testing::Not(HasSubstr("id=1"))));
}

TEST_F(ProgramTest, ACheckTellsWhatTheConfigurationGetsWrong) {
  MakeSource();
  Execute("target", "CREATE TABLE items(id INTEGER, name TEXT, updated_at INTEGER)");
  Configure();
  const Result check = Run("check");
  EXPECT_EQ(check.code, 2);
  EXPECT_THAT(check.out,
              AllOf(HasSubstr("fail  target items: "), HasSubstr("CREATE UNIQUE INDEX")));
  std::filesystem::remove(folder_ / "source.db");
  EXPECT_EQ(Run("check").code, 3) << "a missing source is not the configuration's fault";
}

TEST_F(ProgramTest, AReplayIntoThePipelinesOwnTargetIsRefused) {
  MakeSource();
  Configure();
  EXPECT_EQ(Run("run --once").code, 0);
  const Result result = Run("replay way --into " + Sqlite("target.db"));
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, HasSubstr("offsets set way 0"));
}

// Fails when only the target is compared: source_wins would put old states over the source's rows.
TEST_F(ProgramTest, AReplayIntoThePipelinesSourceIsRefused) {
  MakeSource();
  Configure();
  EXPECT_EQ(Run("run --once").code, 0);
  const Result result = Run("replay way --into " + Sqlite("source.db"));
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, HasSubstr("is the source of pipeline \"way\""));
}

// A replay goes forward only: what it has applied it cannot take back.
TEST_F(ProgramTest, AReplayToAnOffsetThatIsBehindItIsRefused) {
  MakeSource();
  Configure();
  EXPECT_EQ(Run("run --once").code, 0);
  EXPECT_EQ(Run("replay way --to-offset 2 --inside-cut --into " + Sqlite("again.db")).code, 0);
  const Result result = Run("replay way --to-offset 1 --inside-cut --into " + Sqlite("again.db"));
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, HasSubstr("is at offset 2 already"));
}

// Fails when nobody looks whether the output could be written.
TEST_F(ProgramTest, OutputThatCannotBeWrittenIsAnError) {
  MakeSource();
  Configure();
  std::fflush(stdout);
  const int before = dup(STDOUT_FILENO);
  const int full = open("/dev/full", O_WRONLY);
  dup2(full, STDOUT_FILENO);
  const std::string config = (folder_ / "syncline.yaml").string();
  const char* const argv[] = {"syncline", "-c", config.c_str(), "status"};
  testing::internal::CaptureStderr();
  const int code = RunProgram(4, argv);
  const std::string err = testing::internal::GetCapturedStderr();
  dup2(before, STDOUT_FILENO);
  close(before);
  close(full);
  std::clearerr(stdout);
  EXPECT_EQ(code, 3);
  EXPECT_THAT(err, HasSubstr("No space left on device"));
}

}  // namespace
}  // namespace syncline::cli
