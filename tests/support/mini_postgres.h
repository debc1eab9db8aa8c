#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace syncline::test {

// A PostgreSQL cluster of the test's own: in a temporary folder, reachable only through a Unix
// socket in it, removed with the object. The server is a direct child process that dies with the
// test, however that ends. When the test runs as root the server runs as user `postgres`, since it
// refuses root.
//
// Making one takes a second or two, so a test program makes one and shares it (syncline_test(...
// WHOLE)). Belongs to the thread that made it. Failures throw std::runtime_error with the server's
// log.
class MiniPostgres {
 public:
  struct Options {
    bool fsync = false;                 // true where a test is about surviving a crash
    std::vector<std::string> settings;  // "name=value", as in postgresql.conf
    std::vector<std::string> hba;       // lines put before the one that trusts every local user
  };

  static std::unique_ptr<MiniPostgres> Start(const Options& options);
  static std::unique_ptr<MiniPostgres> Start() { return Start(Options()); }
  ~MiniPostgres();
  MiniPostgres(const MiniPostgres&) = delete;
  MiniPostgres& operator=(const MiniPostgres&) = delete;

  // postgresql:///database?host=...&port=...&user=...
  std::string Url(const std::string& database = "postgres",
                  const std::string& user = "postgres") const;

  // Runs statements as the superuser, on a connection of their own.
  void Execute(const std::string& sql, const std::string& database = "postgres") const;
  // The first column of the first row as text; empty for NULL and for no row.
  std::string QueryValue(const std::string& sql, const std::string& database = "postgres") const;

  // Ends all sessions and stops (SIGINT, "fast"), unless stopped already; starts again; returns
  // when it accepts connections.
  void Restart();
  // Ends all sessions and stops.
  void Stop();
  // Stops as in a crash (SIGQUIT, "immediate"): no checkpoint; the next Restart recovers from the
  // WAL.
  void StopImmediate();

  pid_t pid() const { return pid_; }
  const std::filesystem::path& folder() const { return folder_; }

 private:
  explicit MiniPostgres(const Options& options) : options_(options) {}

  void InitCluster();
  void StartServer();
  void StopServer(int signal) noexcept;
  std::string ReadLog() const;

  const Options options_;
  std::filesystem::path folder_;
  std::filesystem::path binaries_;
  pid_t pid_ = -1;  // of the postmaster; -1 when it is not running
};

}  // namespace syncline::test
