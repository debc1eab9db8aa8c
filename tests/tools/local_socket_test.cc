#include "tools/control/local_socket.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/error.h"

namespace syncline::cli {
namespace {

using std::chrono::milliseconds;

// No test waits for so long when all is well.
constexpr Microseconds kLong = std::chrono::seconds(20);

class LocalSocketTest : public testing::Test {
 protected:
  LocalSocketTest() {
    std::string pattern = testing::TempDir() + "/syncline-socket-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ / "control";
  }
  ~LocalSocketTest() override { std::filesystem::remove_all(folder_); }

  // Two ends of one connection.
  std::pair<LocalSocket, LocalSocket> Pair(const LocalSocket& listening) const {
    auto client = LocalSocket::Connect(path_);
    pollfd waiting{listening.fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&waiting, 1, 20'000), 1);
    return {*std::move(client), listening.Accept().value()};
  }

  std::filesystem::path folder_, path_;
};

TEST_F(LocalSocketTest, CarriesLinesBothWays) {
  const LocalSocket listening = LocalSocket::Listen(path_);
  const auto [client, server] = Pair(listening);
  EXPECT_TRUE(client.WriteLine("status", kLong));
  EXPECT_EQ(server.ReadLine(100, kLong), "status");
  EXPECT_TRUE(server.WriteLine("", kLong));
  EXPECT_EQ(client.ReadLine(100, kLong), "");
}

TEST_F(LocalSocketTest, IsThisUsersOnly) {
  const LocalSocket listening = LocalSocket::Listen(path_);
  struct stat status = {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(LocalSocketTest, NobodyIsThere) {
  EXPECT_FALSE(LocalSocket::Connect(path_).has_value());
  { const LocalSocket listening = LocalSocket::Listen(path_); }
  EXPECT_TRUE(std::filesystem::exists(path_));  // as after a kill
  EXPECT_FALSE(LocalSocket::Connect(path_).has_value());
  const LocalSocket again = LocalSocket::Listen(path_);
  EXPECT_TRUE(LocalSocket::Connect(path_).has_value());
  EXPECT_THROW(LocalSocket::Connect(folder_ / "no" / "folder"), Error);
}

// The kernel's own limit of a path is 107 bytes.
TEST_F(LocalSocketTest, APathMayBeLong) {
  const std::filesystem::path deep = folder_ / std::string(120, 'd') / std::string(120, 'e');
  std::filesystem::create_directories(deep);
  path_ = deep / "control";
  const LocalSocket listening = LocalSocket::Listen(path_);
  EXPECT_TRUE(LocalSocket::Connect(path_).has_value());
}

TEST_F(LocalSocketTest, ALineThatIsTooLongOrNeverEndsIsNone) {
  const LocalSocket listening = LocalSocket::Listen(path_);
  const auto [client, server] = Pair(listening);
  EXPECT_TRUE(client.WriteLine(std::string(100, 'x'), kLong));
  EXPECT_EQ(server.ReadLine(100, kLong), std::string(100, 'x'));
  EXPECT_TRUE(client.WriteLine(std::string(101, 'x'), kLong));
  EXPECT_FALSE(server.ReadLine(100, kLong).has_value());
  const auto [silent, waiting] = Pair(listening);
  EXPECT_FALSE(waiting.ReadLine(100, milliseconds(1)).has_value());
  ASSERT_EQ(::send(silent.fd(), "half", 4, MSG_NOSIGNAL), 4);
  EXPECT_FALSE(waiting.ReadLine(100, milliseconds(1)).has_value());
}

TEST_F(LocalSocketTest, TheOtherEndIsGone) {
  const LocalSocket listening = LocalSocket::Listen(path_);
  std::optional<LocalSocket> server;
  {
    auto pair = Pair(listening);
    server.emplace(std::move(pair.second));
  }
  EXPECT_FALSE(server->ReadLine(100, kLong).has_value());
  EXPECT_FALSE(server->WriteLine("answer", kLong));
}

// Who does not read holds nobody up for ever.
TEST_F(LocalSocketTest, AnEndThatDoesNotReadIsGivenUp) {
  const LocalSocket listening = LocalSocket::Listen(path_);
  const auto [client, server] = Pair(listening);
  EXPECT_FALSE(server.WriteLine(std::string(16u << 20, 'x'), milliseconds(20)));
}

}  // namespace
}  // namespace syncline::cli
