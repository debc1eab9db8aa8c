#include "tests/support/mini_postgres.h"

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace syncline::test {
namespace fs = std::filesystem;
namespace {

constexpr char kServerUser[] = "postgres";
constexpr char kPort[] = "5432";  // names the socket only; nothing listens on the network
constexpr auto kStartTimeout = std::chrono::seconds(60);

fs::path FindBinaries() {
  std::vector<fs::path> found;
  std::error_code none;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", none)) {
    if (fs::exists(version.path() / "bin/postgres")) found.push_back(version.path() / "bin");
  }
  if (!found.empty()) return *std::max_element(found.begin(), found.end());
  if (FILE* pipe = ::popen("pg_config --bindir 2>/dev/null", "r")) {
    char line[4096] = "";
    const bool read = ::fgets(line, sizeof line, pipe) != nullptr;
    ::pclose(pipe);
    if (read) return std::string(line).substr(0, std::string_view(line).find('\n'));
  }
  throw std::runtime_error(
      "no PostgreSQL server binaries found: install the package postgresql-15");
}

// The account the server gets; nullptr: ours will do.
const passwd* ServerAccount() {
  if (::geteuid() != 0) return nullptr;
  const passwd* account = ::getpwnam(kServerUser);
  if (account == nullptr)
    throw std::runtime_error("there is no user `postgres` to run a server as");
  return account;
}

// Starts a program as the server's account with its output appended to `log`; the child gets
// SIGQUIT when this thread ends.
pid_t Spawn(const std::vector<std::string>& command, const fs::path& log) {
  const passwd* account = ServerAccount();
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);

  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child > 0) return child;

  if (account != nullptr && (::initgroups(account->pw_name, account->pw_gid) != 0 ||
                             ::setgid(account->pw_gid) != 0 || ::setuid(account->pw_uid) != 0)) {
    ::_exit(126);
  }
  // After setuid, which clears it. The parent may have died before this took effect.
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  if (::getppid() != parent) ::_exit(126);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  const int in = ::open("/dev/null", O_RDONLY);
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

// A connection of the test's own, and the result of the statements it ran.
class Client {
 public:
  Client(const std::string& url, const std::string& sql) : connection_(::PQconnectdb(url.c_str())) {
    ::PQsetNoticeProcessor(
        connection_, [](void*, const char*) {}, nullptr);
    if (::PQstatus(connection_) == CONNECTION_OK) result_ = ::PQexec(connection_, sql.c_str());
    const ExecStatusType status = ::PQresultStatus(result_);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
      const std::string message = ::PQerrorMessage(connection_);
      Close();
      throw std::runtime_error(message + "in: " + sql);
    }
  }
  ~Client() { Close(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  std::string FirstValue() const {
    return ::PQntuples(result_) > 0 ? ::PQgetvalue(result_, 0, 0) : "";
  }

 private:
  void Close() {
    ::PQclear(result_);
    ::PQfinish(connection_);
  }

  PGconn* connection_;
  PGresult* result_ = nullptr;
};

}  // namespace

std::unique_ptr<MiniPostgres> MiniPostgres::Start(const Options& options) {
  std::unique_ptr<MiniPostgres> server(new MiniPostgres(options));
  server->InitCluster();
  server->StartServer();
  return server;
}

MiniPostgres::~MiniPostgres() {
  StopServer(SIGQUIT);
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

void MiniPostgres::InitCluster() {
  binaries_ = FindBinaries();
  char name[] = "/tmp/slpg.XXXXXX";  // short: a socket's path has at most 107 characters
  if (::mkdtemp(name) == nullptr) throw std::runtime_error("mkdtemp failed below /tmp");
  folder_ = name;
  if (const passwd* account = ServerAccount()) {
    if (::chown(name, account->pw_uid, account->pw_gid) != 0)
      throw std::runtime_error("chown failed");
  }
  const pid_t child = Spawn({binaries_ / "initdb", "--no-sync", "-A", "trust", "-U", "postgres",
                             "-E", "UTF8", "--locale=C", "-D", folder_ / "data"},
                            folder_ / "log");
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0) throw std::runtime_error("initdb failed:\n" + ReadLog());

  std::ofstream hba(folder_ / "data/pg_hba.conf", std::ios::trunc);
  for (const std::string& line : options_.hba) hba << line << '\n';
  hba << "local all all trust\nlocal replication all trust\n";
}

void MiniPostgres::StartServer() {
  std::vector<std::string> command = {binaries_ / "postgres", "-D", folder_ / "data"};
  auto set = [&](const std::string& setting) { command.insert(command.end(), {"-c", setting}); };
  set("listen_addresses=");
  set("unix_socket_directories=" + folder_.string());
  set(std::string("port=") + kPort);
  set("max_connections=100");
  set("max_prepared_transactions=50");
  set(options_.fsync ? "fsync=on" : "fsync=off");
  set("timezone=UTC");  // not the machine's
  for (const std::string& setting : options_.settings) set(setting);
  pid_ = Spawn(command, folder_ / "log");

  const auto deadline = std::chrono::steady_clock::now() + kStartTimeout;
  while (::PQping(Url().c_str()) != PQPING_OK) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      throw std::runtime_error("the server did not start:\n" + ReadLog());
    }
    if (std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("the server is not ready after a minute:\n" + ReadLog());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void MiniPostgres::StopServer(int signal) noexcept {
  if (pid_ < 0) return;
  ::kill(pid_, signal);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void MiniPostgres::Restart() {
  Stop();
  StartServer();
}

void MiniPostgres::Stop() { StopServer(SIGINT); }

void MiniPostgres::StopImmediate() { StopServer(SIGQUIT); }

std::string MiniPostgres::Url(const std::string& database, const std::string& user) const {
  return "postgresql:///" + database + "?host=" + folder_.string() + "&port=" + kPort +
         "&user=" + user;
}

void MiniPostgres::Execute(const std::string& sql, const std::string& database) const {
  Client(Url(database), sql);
}

std::string MiniPostgres::QueryValue(const std::string& sql, const std::string& database) const {
  return Client(Url(database), sql).FirstValue();
}

std::string MiniPostgres::ReadLog() const {
  std::ostringstream text;
  text << std::ifstream(folder_ / "log").rdbuf();
  return text.str();
}

}  // namespace syncline::test
