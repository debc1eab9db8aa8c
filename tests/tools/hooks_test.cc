#include "tools/service/hooks.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "engine/base/logger.h"
#include "tests/support/text_logger.h"
#include "tools/service/incidents.h"

namespace syncline::cli {
namespace {

using testing::HasSubstr;

// Answers one HTTP request on a port of this machine's own.
class OneRequest {
 public:
  explicit OneRequest(std::string status) : status_(std::move(status)) {
    listening_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listening_, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listening_, 1);
    ::getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~OneRequest() {
    if (thread_.joinable()) thread_.join();
    ::close(listening_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/hook"; }
  std::string Request() {
    thread_.join();
    return request_;
  }

 private:
  void Serve() {
    const int caller = ::accept(listening_, nullptr, nullptr);
    char bytes[4096];
    while (request_.find("\r\n\r\n{") == request_.npos || request_.back() != '}') {
      const ssize_t count = ::read(caller, bytes, sizeof bytes);
      if (count <= 0) break;
      request_.append(bytes, count);
    }
    const std::string answer = "HTTP/1.1 " + status_ + "\r\nContent-Length: 0\r\n\r\n";
    (void)!::write(caller, answer.data(), answer.size());
    ::close(caller);
  }

  const std::string status_;
  int listening_ = -1, port_ = 0;
  std::string request_;
  std::thread thread_;
};

class HooksTest : public testing::Test {
 protected:
  HooksTest() {
    std::string pattern = testing::TempDir() + "/syncline-hooks-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~HooksTest() override { std::filesystem::remove_all(folder_); }

  std::string AppendTo(const std::string& file) const {
    return "echo \"$SYNCLINE_PIPELINE $SYNCLINE_KIND $SYNCLINE_STATE: $SYNCLINE_ERROR\" >> " +
           (folder_ / file).string();
  }
  std::string Text(const std::string& file) const {
    std::ifstream in(folder_ / file);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::filesystem::path folder_;
  std::shared_ptr<test::TextLogger> logger_ = std::make_shared<test::TextLogger>();
};

// Fails (by never ending) when the destructor does not wait for what is still to be told.
TEST_F(HooksTest, TellsCommandsAndWebhooks) {
  OneRequest server("204 No Content");
  {
    Hooks hooks({{"way", {{AppendTo("told")}, {server.url()}}}}, logger_);
    hooks.Tell({.pipeline = "way", .kind = "sync", .state = "failed", .error = "a \"reason\""});
    hooks.Tell({.pipeline = "another", .kind = "sync", .state = "failed"});
  }
  EXPECT_EQ(Text("told"), "way sync failed: a \"reason\"\n");
  const std::string request = server.Request();
  EXPECT_THAT(request, HasSubstr("POST /hook HTTP/1.1"));
  EXPECT_THAT(request, HasSubstr("application/json"));
  EXPECT_THAT(request, HasSubstr(R"("error":"a \"reason\"")"));
  EXPECT_EQ(logger_->text(), "");
}

// Fails when a command gets all that this process has in its environment.
TEST_F(HooksTest, ACommandGetsNoVariablesButTheDocumentedOnes) {
  ::setenv("SHOP_PASSWORD", "secret", 1);
  ::setenv("LANG", "C.UTF-8", 1);
  ::setenv("HOME", "/home/me", 1);
  {
    const std::string command = "exec env -0 > " + (folder_ / "environment").string();
    Hooks hooks({{"way", {{command}, {}}}}, logger_);
    hooks.Tell({.pipeline = "way",
                .kind = "sync",
                .state = "failed",
                .error = "a\nline \x1b[31m",
                .hint = "\u202eb"});
  }
  ::unsetenv("SHOP_PASSWORD");
  std::map<std::string, std::string> variables;
  std::istringstream in(Text("environment"));
  for (std::string one; std::getline(in, one, '\0');) {
    variables[one.substr(0, one.find('='))] = one.substr(one.find('=') + 1);
  }
  variables.erase("PWD");  // the shell's own
  variables.erase("OLDPWD");
  variables.erase("_");
  variables.erase("SHLVL");
  std::set<std::string> names;
  for (const auto& [name, value] : variables) names.insert(name);
  EXPECT_EQ(names, (std::set<std::string>{"HOME", "LANG", "PATH", "SYNCLINE_AT", "SYNCLINE_ERROR",
                                          "SYNCLINE_HINT", "SYNCLINE_KIND", "SYNCLINE_PIPELINE",
                                          "SYNCLINE_STATE"}));
  EXPECT_EQ(variables["SYNCLINE_ERROR"], "a\\nline \\x1b[31m");
  EXPECT_EQ(variables["SYNCLINE_HINT"], "\\u202eb");
}

// Fails when one that does not work keeps the next from being told.
TEST_F(HooksTest, OneThatFailsIsLoggedAndNoMore) {
  OneRequest server("500 Internal Server Error");
  {
    Hooks hooks({{"way", {{"exit 7", AppendTo("told")}, {server.url(), "http://127.0.0.1:1/"}}}},
                logger_);
    hooks.Tell({.pipeline = "way", .kind = "sync", .state = "failed"});
  }
  EXPECT_EQ(Text("told"), "way sync failed: \n");
  EXPECT_THAT(logger_->text(), HasSubstr("its exit code was 7"));
  EXPECT_THAT(logger_->text(), HasSubstr("the answer was HTTP 500"));
  EXPECT_THAT(logger_->text(), HasSubstr("hook=webhook state=failed error=\"Couldn't connect"));
}

// Fails when an incident is told each time, or forgotten by the next process.
TEST_F(HooksTest, AnIncidentIsToldOnceAndSoIsItsEndWhoeverSeesIt) {
  ManualClock clock;
  const Error error = StopError("reason");
  for (int process = 0; process < 2; ++process) {
    BestEffortStateStore book(folder_ / "log", clock, logger_);
    Hooks hooks({{"way", {{AppendTo("told")}, {}}}}, logger_);
    Incidents incidents(book, hooks, clock);
    incidents.Failed("way", "sync", error);
    incidents.Failed("way", "sync", error);
  }
  EXPECT_EQ(Text("told"), "way sync failed: reason\n");
  {
    BestEffortStateStore book(folder_ / "log", clock, logger_);
    Hooks hooks({{"way", {{AppendTo("told")}, {}}}}, logger_);
    Incidents incidents(book, hooks, clock);
    incidents.Over("way", "sync");
    incidents.Over("way", "sync");
  }
  EXPECT_EQ(Text("told"), "way sync failed: reason\nway sync recovered: \n");
}

// Fails when a hook is told of what goes away by itself, or not of what stays.
TEST_F(HooksTest, WhatIsTriedAgainIsToldWhenItStays) {
  ManualClock clock;
  const Error error = RetryError("away");
  {
    BestEffortStateStore book(folder_ / "log", clock, logger_);
    Hooks hooks({{"way", {{AppendTo("told")}, {}}}}, logger_);
    Incidents incidents(book, hooks, clock);
    incidents.Trying("way", "apply", &error);
    clock.Advance(Incidents::kPatience / 2);
    incidents.Look();
    incidents.Trying("way", "apply", nullptr);
    EXPECT_FALSE(incidents.TroubleOf("way"));
    incidents.Trying("way", "apply", &error);
    EXPECT_EQ(incidents.TroubleOf("way"), "away");
    clock.Advance(Incidents::kPatience);
    incidents.Look();
    incidents.Look();
    incidents.Trying("way", "apply", nullptr);
  }
  EXPECT_EQ(Text("told"), "way apply failed: away\nway apply recovered: \n");
}

// Rows that stay at the source are trouble of their own beside what the target refuses, told once.
TEST_F(HooksTest, RowsThatStayAtTheSourceAreToldOnceAndWhenNoneIsLeft) {
  ManualClock clock;
  {
    BestEffortStateStore book(folder_ / "log", clock, logger_);
    Hooks hooks({{"way", {{AppendTo("told")}, {}}}}, logger_);
    Incidents incidents(book, hooks, clock);
    for (const uint64_t rows : {0, 1, 3, 2, 3}) incidents.LeavingOut("way", rows);
    incidents.Refusing("way", 1);
    incidents.Refusing("way", 0);
    const auto open = StateStore(folder_ / "log", clock).IncidentsOf("way");
    ASSERT_EQ(open.size(), 1u);
    EXPECT_EQ(open[0].error, "3 rows stay at the source, not captured");
    incidents.LeavingOut("way", 0);
  }
  EXPECT_EQ(Text("told"),
            "way set-aside refusing: 1 row stays at the source, not captured\n"
            "way refused refusing: the target refuses 1 changes\nway refused recovered: \n"
            "way set-aside recovered: \n");
}

// The trouble of a stage that was made anew is over when another one is what fails. Seen to fail,
// with the first error only, where that waited for the pipeline to be well.
TEST_F(HooksTest, TroubleThatIsOverGivesPlaceToTheTroubleAtHand) {
  ManualClock clock;
  BestEffortStateStore book(folder_ / "log", clock, logger_);
  Hooks hooks({}, logger_);
  Incidents incidents(book, hooks, clock);
  incidents.Stopped("way", "capture", StopError("cannot connect"));
  incidents.Stopped("other", "capture", StopError("cannot connect"));
  incidents.StartedAgain("way", "capture");
  incidents.Stopped("way", "apply", StopError("refused"));
  auto open = StateStore(folder_ / "log", clock).IncidentsOf("way");
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(open[0].error, "refused");
  EXPECT_EQ(StateStore(folder_ / "log", clock).IncidentsOf("other").size(), 1u);
  // What fails again before anything else was not over.
  incidents.StartedAgain("way", "apply");
  incidents.Stopped("way", "apply", StopError("refused again"));
  incidents.Stopped("way", "capture", StopError("cannot connect"));
  EXPECT_EQ(StateStore(folder_ / "log", clock).IncidentsOf("way").size(), 2u);
}

// The process that runs a pipeline counts what is refused later than the command that has taken it
// out. Seen to fail, with two lines more, when a smaller number opens the incident again.
TEST_F(HooksTest, FewerRefusedChangesAreNoNewIncident) {
  ManualClock clock;
  {
    BestEffortStateStore book(folder_ / "log", clock, logger_);
    Hooks hooks({{"way", {{AppendTo("told")}, {}}}}, logger_);
    Incidents runs(book, hooks, clock), command(book, hooks, clock);
    runs.Refusing("way", 2);
    runs.Refusing("way", 3);
    command.StillRefusing("way", 1);
    command.StillRefusing("way", 0);
    runs.Refusing("way", 1);
    runs.Refusing("way", 0);
    EXPECT_EQ(StateStore(folder_ / "log", clock).IncidentsOf("way").size(), 0u);
    runs.Refusing("way", 4);
    command.StillRefusing("way", 3);
    const auto open = StateStore(folder_ / "log", clock).IncidentsOf("way");
    ASSERT_EQ(open.size(), 1u);
    EXPECT_EQ(open[0].error, "the target refuses 3 changes");
  }
  EXPECT_EQ(Text("told"),
            "way refused refusing: the target refuses 2 changes\nway refused recovered: \n"
            "way refused refusing: the target refuses 4 changes\n");
}

}  // namespace
}  // namespace syncline::cli
