// Who else may look into what the program makes, and what is said about it.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "engine/base/error.h"
#include "engine/log/catalog/folder_catalog.h"
#include "engine/log/log_care.h"
#include "tests/support/text_logger.h"
#include "tests/tools/sqlite_files.h"
#include "tools/check/check_privacy.h"
#include "tools/control/local_socket.h"
#include "tools/history/state_store.h"
#include "tools/service/log_privacy.h"

namespace syncline::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class PrivacyTest : public SqliteFilesTest {
 protected:
  ~PrivacyTest() override { ::umask(umask_); }

  static mode_t ModeOf(const fs::path& path) {
    struct stat is = {};
    EXPECT_EQ(::lstat(path.c_str(), &is), 0) << path;
    return is.st_mode & 07777;
  }
  static void Loosen(const fs::path& folder) {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      ::chmod(entry.path().c_str(), entry.is_directory() ? 0755 : 0644);
    }
    ::chmod(folder.c_str(), 0755);
  }

  const mode_t umask_ = ::umask(0);
  SystemClock clock_;
};

// Fails for everything in it when files are made with the umask.
TEST_F(PrivacyTest, LogsAndTheirHistoryAreTheirUsersAlone) {
  const fs::path logs = folder_ / "logs", log = logs / "shop";
  const StateStore history(logs, clock_);
  {
    const auto writer = FolderLog(log)->Open("test:source", clock_);
    writer->Backup(folder_ / "backups" / "monday");
    EXPECT_EQ(ModeOf(folder_ / "backups"), 0700u);
  }
  for (const fs::path& folder : {logs, folder_ / "backups"}) {
    EXPECT_EQ(ModeOf(folder), 0700u);
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      EXPECT_EQ(ModeOf(entry.path()), entry.is_directory() ? 0700u : 0600u) << entry.path();
    }
  }
}

TEST_F(PrivacyTest, AFolderOfAnEarlierBuildIsTightenedWithOneLine) {
  const fs::path logs = folder_ / "logs";
  { const StateStore history(logs, clock_); }
  { const auto writer = FolderLog(logs / "shop")->Open("test:source", clock_); }
  Loosen(logs);
  test::TextLogger logger;
  Plan plan;
  plan.logs = FolderCatalog(logs);
  plan.sources.emplace_back().log = plan.logs->Find("shop");
  KeepPrivate(plan, logger);
  KeepPrivate(plan, logger);
  EXPECT_EQ(std::ranges::count(logger.text(), '\n'), 1) << logger.text();
  EXPECT_THAT(logger.text(), HasSubstr("folder=" + logs.string()));
  EXPECT_EQ(ModeOf(logs), 0700u);
  EXPECT_EQ(ModeOf(logs / "runs.db"), 0600u);
  EXPECT_EQ(ModeOf(logs / "shop" / "durable"), 0600u);
}

// Fails when the folder of a project, or another program's store, loses its permissions.
TEST_F(PrivacyTest, WhatIsNoLogKeepsItsPermissions) {
  { const auto writer = FolderLog(folder_ / "shop")->Open("test:source", clock_); }
  std::ofstream(folder_ / "CURRENT") << "x";
  Loosen(folder_);
  EXPECT_FALSE(FolderCatalog(folder_)->KeepPrivate());
  EXPECT_FALSE(FolderLog(folder_)->care().KeepPrivate());
  EXPECT_THROW(FolderLog(folder_)->Open("test:source", clock_), Error);
  EXPECT_EQ(ModeOf(folder_), 0755u);
  EXPECT_TRUE(FolderLog(folder_ / "shop")->care().KeepPrivate());
}

TEST_F(PrivacyTest, ALogThatOthersCouldWriteIsRefused) {
  const fs::path log = folder_ / "shop";
  { const auto writer = FolderLog(log)->Open("test:source", clock_); }
  ::chmod(log.c_str(), 0777);
  const auto refused = [](auto&& body) {
    try {
      body();
      return false;
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 3);
      EXPECT_THAT(error.hint(), HasSubstr("chmod"));
      return true;
    }
  };
  EXPECT_TRUE(refused([&] { FolderLog(log)->Open("test:source", clock_); }));
  EXPECT_TRUE(refused([&] { FolderLog(log)->OpenReader(clock_); }));
  EXPECT_EQ(ModeOf(log), 0777u);
  ::chmod(log.c_str(), 0700);
  fs::create_symlink(folder_ / "victim", log / "durable.new");
  EXPECT_THROW(FolderLog(log)->Open("test:source", clock_), Error);
  EXPECT_FALSE(fs::exists(folder_ / "victim"));
}

// Fails with a socket that is made first and closed to others afterwards.
TEST_F(PrivacyTest, ASocketIsNeverOpenToOthers) {
  const fs::path path = folder_ / "control";
  const LocalSocket socket = LocalSocket::Listen(path);
  EXPECT_EQ(ModeOf(path), 0600u);
}

TEST_F(PrivacyTest, ChecksTellOfCopiesThatAllCanRead) {
  const auto url = [&](const char* name) { return sql::DatabaseUrl::Parse(name, folder_); };
  const auto told = [&](const sql::DatabaseUrl& source, const sql::DatabaseUrl& target) {
    CheckReport report;
    CheckTargetPrivacy("p", source, target, report);
    return report.ToJson().at("warned").get<int>() > 0;
  };
  std::ofstream(folder_ / "private.db"), std::ofstream(folder_ / "open.db");
  ::chmod((folder_ / "private.db").c_str(), 0600);
  ::chmod((folder_ / "open.db").c_str(), 0644);
  EXPECT_FALSE(told(url("sqlite:private.db"), url("sqlite:open.db"))) << "the folder is private";
  ::chmod(folder_.c_str(), 0755);
  EXPECT_TRUE(told(url("sqlite:private.db"), url("sqlite:open.db")));
  EXPECT_TRUE(told(url("postgresql:///db"), url("sqlite:open.db")));
  EXPECT_FALSE(told(url("sqlite:open.db"), url("sqlite:open.db")));
  EXPECT_FALSE(told(url("sqlite:open.db"), url("sqlite:private.db")));
  EXPECT_FALSE(told(url("sqlite:private.db"), url("postgresql:///db")));
  EXPECT_TRUE(told(url("sqlite:private.db"), url("sqlite:new.db")));
  ::umask(077);
  EXPECT_FALSE(told(url("sqlite:private.db"), url("sqlite:new.db")));
}

TEST_F(PrivacyTest, ChecksTellOfPasswordsThatAllCanRead) {
  const fs::path secret = folder_ / "secret", file = folder_ / "syncline.yaml";
  std::ofstream(secret) << "pw";
  std::ofstream(file) << "log: ./log\ndatabases:\n  a: postgresql://me:pw@h/a\n"
                      << "  b: postgresql://me:${file:" << secret.string() << "}@h/b\n"
                      << "defaults: {cursor: u}\n"
                      << "pipelines: {p: {from: a, to: b, tables: {t: {}}}}\n";
  ::chmod(folder_.c_str(), 0755);
  CheckReport report;
  CheckSecrets(LoadConfig(file), report);
  EXPECT_EQ(report.ToJson().at("warned"), 2) << report.ToJson().dump();
  ::chmod(secret.c_str(), 0600);
  ::chmod(file.c_str(), 0600);
  CheckReport later;
  CheckSecrets(LoadConfig(file), later);
  EXPECT_EQ(later.ToJson().at("warned"), 0);
}

}  // namespace
}  // namespace syncline::cli
