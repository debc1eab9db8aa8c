#include "engine/base/private_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string>

#include "engine/base/error.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kStranger = 65534;

class PrivateFolderTest : public testing::Test {
 protected:
  PrivateFolderTest() {
    std::string name = fs::temp_directory_path() / "syncline-private-XXXXXX";
    temp_ = ::mkdtemp(name.data());
  }
  ~PrivateFolderTest() override {
    ::umask(umask_);
    fs::remove_all(temp_);
  }

  static mode_t ModeOf(const fs::path& path) {
    struct stat is = {};
    EXPECT_EQ(::lstat(path.c_str(), &is), 0) << path;
    return is.st_mode & 07777;
  }

  fs::path File(const fs::path& name, mode_t mode) const {
    std::ofstream(temp_ / name) << "x";
    EXPECT_EQ(::chmod((temp_ / name).c_str(), mode), 0);
    return temp_ / name;
  }

  fs::path Folder(const fs::path& name, mode_t mode) const {
    fs::create_directory(temp_ / name);
    EXPECT_EQ(::chmod((temp_ / name).c_str(), mode), 0);
    return temp_ / name;
  }

  template <typename Body>
  static std::string Refused(Body&& body) {
    try {
      body();
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 3);
      EXPECT_FALSE(error.hint().empty()) << error.message();
      return error.message();
    }
    return {};
  }

  // Only root gives files away.
  static bool CanGiveAway() { return ::geteuid() == 0; }

  const mode_t umask_ = ::umask(0);
  fs::path temp_;
};

// Fails with the modes of open(2) and mkdir(2) alone under both masks.
TEST_F(PrivateFolderTest, WhatIsMadeIsPrivateWhateverTheUmask) {
  for (const mode_t mask : {0, 0777}) {
    ::umask(mask);
    const fs::path top = temp_ / std::to_string(mask), deep = top / "a" / "b";
    EXPECT_EQ(MakePrivateFolder(deep).size(), 3u);
    EXPECT_TRUE(MakePrivateFolder(deep).empty());
    const int made = MakePrivateFile(deep / "file");
    ASSERT_GE(made, 0);
    ::close(made);
    EXPECT_EQ(ModeOf(top), 0700u);
    EXPECT_EQ(ModeOf(deep), 0700u);
    EXPECT_EQ(ModeOf(deep / "file"), 0600u);
  }
}

TEST_F(PrivateFolderTest, WhatIsThereIsNeverMadeNorFollowed) {
  const fs::path victim = File("victim", 0600);
  fs::create_symlink(victim, temp_ / "link");
  fs::create_symlink(temp_ / "missing", temp_ / "dangling");
  for (const char* name : {"victim", "link", "dangling"}) {
    EXPECT_EQ(MakePrivateFile(temp_ / name), -1);
    EXPECT_EQ(errno, EEXIST) << name;
  }
  EXPECT_NE(Refused([&] { OpenPrivateFile(temp_ / "link"); }), "");
  EXPECT_NE(Refused([&] { OpenPrivateFile(temp_ / "dangling"); }), "");
  EXPECT_FALSE(fs::exists(temp_ / "missing"));
  ASSERT_EQ(::mkfifo((temp_ / "pipe").c_str(), 0600), 0);
  EXPECT_NE(Refused([&] { OpenPrivateFile(temp_ / "pipe"); }), "");
}

TEST_F(PrivateFolderTest, AFolderOfEarlierBuildsIsTightenedOnce) {
  const fs::path log = Folder("log", 0755);
  Folder("log/consumers", 0755);
  File("log/000001.log", 0644);
  File("log/consumers/p", 0644);
  EXPECT_TRUE(IsOpenToOthers(log));
  EXPECT_EQ(ModeOf(log), 0755u);
  EXPECT_TRUE(TightenFolder(log));
  EXPECT_FALSE(IsOpenToOthers(log));
  EXPECT_EQ(ModeOf(log), 0700u);
  EXPECT_EQ(ModeOf(log / "consumers"), 0700u);
  EXPECT_EQ(ModeOf(log / "000001.log"), 0600u);
  EXPECT_EQ(ModeOf(log / "consumers" / "p"), 0600u);
  EXPECT_FALSE(TightenFolder(log));
}

TEST_F(PrivateFolderTest, WhatOthersCouldWriteIsRefusedAndLeftAsItIs) {
  const fs::path log = Folder("log", 0755), file = File("log/durable", 0644);
  for (const mode_t mode : {0775, 0757, 0777}) {
    ASSERT_EQ(::chmod(log.c_str(), mode), 0);
    EXPECT_NE(Refused([&] { TightenFolder(log); }), "") << mode;
    EXPECT_NE(Refused([&] { CheckFolderToRead(log); }), "") << mode;
    EXPECT_EQ(ModeOf(log), mode);
  }
  ASSERT_EQ(::chmod(log.c_str(), 0755), 0);
  EXPECT_EQ(Refused([&] { CheckFolderToRead(log); }), "");
  ASSERT_EQ(::chmod(file.c_str(), 0666), 0);
  EXPECT_NE(Refused([&] { TightenFolder(log); }), "");
  EXPECT_EQ(ModeOf(log), 0755u);
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  fs::create_symlink(file, log / "durable.new");
  EXPECT_NE(Refused([&] { TightenFolder(log); }), "");
  EXPECT_EQ(ModeOf(log), 0755u);
}

// Fails when a folder is looked into at any depth, or refused as soon as one is in another.
TEST_F(PrivateFolderTest, FoldersInFoldersAreOursToADepth) {
  fs::path at = Folder("log", 0755);
  for (const char* name : {"1", "2", "3", "4"}) at = Folder(at / name, 0755);
  File(at / "file", 0644);
  EXPECT_TRUE(TightenFolder(temp_ / "log"));
  EXPECT_EQ(ModeOf(at / "file"), 0600u);
  Folder(at / "5", 0755);
  EXPECT_NE(Refused([&] { TightenFolder(temp_ / "log"); }).find("is no file of syncline's"),
            std::string::npos);
}

// Fails when anything but a missing file counts as one that can be made.
TEST_F(PrivateFolderTest, WhatCannotBeLookedAtIsTold) {
  const fs::path file = File("file", 0600);
  EXPECT_NE(Refused([&] { OpenPrivateFile(file / "below"); }).find("looking at"),
            std::string::npos);
  const int opened = OpenPrivateFile(temp_ / "new");
  EXPECT_GE(opened, 0);
  ::close(opened);
}

TEST_F(PrivateFolderTest, AWayThatOthersMayChangeIsRefused) {
  const fs::path open = Folder("open", 0777), log = Folder("open/log", 0700);
  EXPECT_NE(Refused([&] { CheckWayTo(log); }), "");
  // Fails when what stands before "." counts as a folder that leads on to another one.
  EXPECT_NE(Refused([&] { CheckWayTo(log / "."); }), "");
  EXPECT_NE(Refused([&] { CheckWayTo(log / ""); }), "");
  EXPECT_NE(Refused([&] { TightenFolder(log); }), "");
  EXPECT_NE(Refused([&] { MakePrivateFolder(open / "new"); }), "");
  EXPECT_FALSE(fs::exists(open / "new"));
  // A folder between that is closed lets nobody put anything of theirs there.
  const fs::path closed = Folder("open/closed", 0755);
  EXPECT_EQ(Refused([&] { CheckWayTo(closed / "log"); }), "");
  EXPECT_EQ(Refused([&] { MakePrivateFolder(closed / "log" / "src"); }), "");
  EXPECT_NE(Refused([&] { CheckWayTo(open / "missing" / "log"); }), "");
  ASSERT_EQ(::chmod(closed.c_str(), 0777), 0);
  EXPECT_NE(Refused([&] { CheckWayTo(closed / "log" / "src"); }), "");
  if (CanGiveAway()) {
    ASSERT_EQ(::chmod(closed.c_str(), 0755), 0);
    ASSERT_EQ(::chown(closed.c_str(), kStranger, kStranger), 0);
    EXPECT_NE(Refused([&] { CheckWayTo(closed / "log" / "src"); }), "");
  }
  // Also behind a link that is the user's own.
  fs::create_symlink(open, temp_ / "short");
  EXPECT_NE(Refused([&] { CheckWayTo(temp_ / "short" / "log"); }), "");
  ASSERT_EQ(::chmod(open.c_str(), 01777), 0);
  EXPECT_EQ(Refused([&] { CheckWayTo(log); }), "");
  EXPECT_EQ(Refused([&] { CheckWayTo(temp_ / "short" / "log" / "missing" / "more"); }), "");
}

// Fails when a file that is there is opened with the rights that others have on it.
TEST_F(PrivateFolderTest, AFileThatIsThereIsTightenedBeforeItIsOpened) {
  EXPECT_FALSE(TightenFile(temp_ / "none").has_value());
  const fs::path file = File("file", 0644);
  EXPECT_EQ(TightenFile(file), true);
  EXPECT_EQ(ModeOf(file), 0600u);
  EXPECT_EQ(TightenFile(file), false);
  for (const char* name : {"there", "new"}) {
    if (name == std::string("there")) File(name, 0640);
    const int opened = OpenPrivateFile(temp_ / name);
    ASSERT_GE(opened, 0) << name;
    EXPECT_EQ(::write(opened, "y", 1), 1) << name;
    ::close(opened);
    EXPECT_EQ(ModeOf(temp_ / name), 0600u) << name;
  }
  // Whoever may write may have put anything into it.
  const fs::path open = File("open", 0620);
  EXPECT_NE(Refused([&] { OpenPrivateFile(open); }), "");
  EXPECT_EQ(ModeOf(open), 0620u) << "changed although it was refused";
}

// Fails when `..` is taken for a name, or leads back without a look at where it leads.
TEST_F(PrivateFolderTest, AWayThatGoesUpIsLookedAtWhereItLeads) {
  Folder("closed", 0700);
  const fs::path open = Folder("open", 0777);
  EXPECT_EQ(Refused([&] { CheckWayTo(temp_ / "closed" / ".." / "closed" / "x"); }), "");
  EXPECT_NE(
      Refused([&] { CheckWayTo(temp_ / "closed" / ".." / "open" / "x"); }).find(open.string()),
      std::string::npos);
}

TEST_F(PrivateFolderTest, LinksThatLeadNowhereEnd) {
  fs::create_symlink(temp_ / "b", temp_ / "a");
  fs::create_symlink(temp_ / "a", temp_ / "b");
  EXPECT_NE(Refused([&] { CheckWayTo(temp_ / "a" / "x"); }), "");
}

TEST_F(PrivateFolderTest, WhatBelongsToOthersIsRefused) {
  if (!CanGiveAway()) GTEST_SKIP() << "only root gives files away";
  const fs::path theirs = Folder("theirs", 0755), log = Folder("theirs/log", 0755);
  ASSERT_EQ(::chown(theirs.c_str(), kStranger, kStranger), 0);
  EXPECT_NE(Refused([&] { TightenFolder(log); }).find("belongs to"), std::string::npos);
  ASSERT_EQ(::chown(theirs.c_str(), 0, 0), 0);
  ASSERT_EQ(::chown(log.c_str(), kStranger, kStranger), 0);
  EXPECT_NE(Refused([&] { TightenFolder(log); }).find("belongs to"), std::string::npos);
  EXPECT_FALSE(IsOwnFolder(log));
  EXPECT_EQ(Refused([&] { CheckFolderToRead(log); }), "") << "root reads what is anybody's";
  ASSERT_EQ(::chown(log.c_str(), 0, 0), 0);
  const fs::path file = File("theirs/log/000001.log", 0644);
  ASSERT_EQ(::chown(file.c_str(), kStranger, kStranger), 0);
  EXPECT_NE(Refused([&] { TightenFolder(log); }), "");
  EXPECT_NE(Refused([&] { OpenPrivateFile(file); }), "");
  // A folder is its owner's to rename in; in one for all only root and this user are followed.
  const fs::path all = Folder("all", 0755);
  fs::create_symlink(temp_, all / "link");
  ASSERT_EQ(::lchown((all / "link").c_str(), kStranger, kStranger), 0);
  EXPECT_EQ(Refused([&] { CheckWayTo(all / "link" / "x"); }), "");
  ASSERT_EQ(::chmod(all.c_str(), 01777), 0);
  EXPECT_NE(Refused([&] { CheckWayTo(all / "link" / "x"); }), "");
}

TEST_F(PrivateFolderTest, AFileIsReadableByAllWhereItsFoldersAre) {
  const fs::path file = File("file", 0644);
  EXPECT_FALSE(IsReadableByAll(file)) << "mkdtemp(3) makes a folder for its user alone";
  ASSERT_EQ(::chmod(temp_.c_str(), 0711), 0);
  EXPECT_TRUE(IsReadableByAll(file));
  ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
  EXPECT_FALSE(IsReadableByAll(file));
  EXPECT_FALSE(IsReadableByAll(temp_ / "missing"));
}

}  // namespace
}  // namespace syncline
