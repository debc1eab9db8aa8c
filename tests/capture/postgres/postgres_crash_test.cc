// Polls around the end of a session, of the server, and of what it had promised to nobody.

#include <gtest/gtest.h>
#include <signal.h>

#include <exception>
#include <string>
#include <thread>

#include "tests/capture/postgres/postgres_capture.h"

namespace syncline::capture {
namespace {

class PostgresCrashTest : public PostgresCaptureTest {
 protected:
  pid_t WalWriter() const {
    return std::stoi(
        server_.QueryValue("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'"));
  }
  // The server ends all sessions and recovers from what its disk holds, under the same start time.
  void KillWalWriter() {
    const pid_t killed = WalWriter();
    ASSERT_EQ(::kill(killed, SIGKILL), 0);
    writer_.reset();
    for (int tries = 0; writer_ == nullptr; ++tries) {
      ASSERT_LT(tries, 1'000'000);
      try {
        if (WalWriter() != killed) writer_ = Connect();
      } catch (const std::exception&) {  // it is starting up
        std::this_thread::yield();
      }
    }
  }
};

TEST_F(PostgresCrashTest, APreparedTransactionIsReachedAcrossARestartOfTheServer) {
  MakeItems();
  auto capture = Capture();
  capture->Poll();
  auto late = Connect();
  late->Execute("BEGIN; UPDATE items SET name = 'prepared', updated_at = now() WHERE id = 2");
  capture->Poll();
  late->Execute("PREPARE TRANSACTION 'across a restart'");
  late.reset();
  writer_.reset();
  server_.Restart();
  capture->Poll();  // reconnects by itself
  EXPECT_EQ(Names(*capture), "ab");
  capture->Poll();
  Connect()->Execute("COMMIT PREPARED 'across a restart'");
  capture->Poll();
  EXPECT_EQ(Names(*capture), "aprepared");
}

TEST_F(PostgresCrashTest, ACommitJustBeforeACrashIsCapturedAfterIt) {
  MakeItems();
  auto capture = Capture();
  capture->Poll();
  auto late = Connect();
  late->Execute("BEGIN; UPDATE items SET name = 'late', updated_at = now() WHERE id = 1");
  capture->Poll();
  late->Execute("COMMIT");
  late.reset();
  writer_.reset();
  server_.StopImmediate();
  server_.Restart();
  capture->Poll();
  EXPECT_EQ(Names(*capture), "lateb");
}

// Asynchronous commits that were captured and are gone: their ids are handed out again, without a
// new start time of the server, which goes on after a process of its own was killed. Seen to fail
// when the ids from before the crash still tell where to read from: what comes then is lost, once
// as many ids have been handed out again as were lost.
TEST_F(PostgresCrashTest, IdsThatAreHandedOutAgainAfterACrashAreCaptured) {
  writer_->Execute(
      "CREATE TABLE items (id int PRIMARY KEY, name text, written xid8 NOT NULL DEFAULT "
      "pg_current_xact_id()); CREATE INDEX ON items (written); INSERT INTO items VALUES (1, 'a'), "
      "(2, 'b')");
  auto capture = Capture("written");
  capture->Poll();
  // It would write to the disk what nobody waits for.
  ASSERT_EQ(::kill(WalWriter(), SIGSTOP), 0);
  writer_->Execute("SET synchronous_commit = off");
  for (int i = 0; i < 50; ++i) {
    writer_->Execute("UPDATE items SET name = 'gone', written = DEFAULT WHERE id = 1");
  }
  capture->Poll();
  EXPECT_EQ(Names(*capture), "goneb");
  KillWalWriter();
  writer_->Execute("UPDATE items SET name = 'x', written = DEFAULT WHERE id = 2");
  for (int i = 0; i < 100; ++i) writer_->Query("SELECT pg_current_xact_id()");
  capture->Poll();
  EXPECT_EQ(Names(*capture), "ax");
}

TEST_F(PostgresCrashTest, ALostConnectionIsOpenedAgain) {
  MakeItems();
  auto capture = Capture();
  capture->Poll();
  writer_->Execute(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'");
  writer_->Execute("UPDATE items SET name = 'c', updated_at = now() WHERE id = 1");
  capture->Poll();
  EXPECT_EQ(Names(*capture), "cb");
  EXPECT_NE(capture->messages().find("capture will try again"), std::string::npos);
}

}  // namespace
}  // namespace syncline::capture
