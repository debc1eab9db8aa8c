#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "tests/apply/test_log.h"

namespace syncline::test {

// Stands between a client and a PostgreSQL server and loses the connection at a COMMIT when told
// to: the one way to make a commit's outcome unknown at will. Serves one connection after the
// other, on a Unix socket of its own.
class CuttingProxy {
 public:
  enum class Cut {
    kNever,
    kBeforeCommit,  // the server never sees it
    kAfterCommit,   // the server has done it, the client does not hear
  };

  // `server_folder` holds the server's socket.
  explicit CuttingProxy(std::string server_folder);
  ~CuttingProxy();

  // Connect here instead of server_folder.
  std::string folder() const { return folder_.path().string(); }
  // The next COMMIT is cut; then kNever again.
  void CutNext(Cut cut) { cut_ = cut; }
  int cuts() const { return cuts_; }

 private:
  void Serve();
  void Relay(int client, int server);

  const std::string server_folder_;
  TempFolder folder_;
  int listener_ = -1;
  int wake_[2] = {-1, -1};  // a pipe that ends all waiting
  std::atomic<Cut> cut_ = Cut::kNever;
  std::atomic<int> cuts_ = 0;
  std::jthread thread_;
};

}  // namespace syncline::test
