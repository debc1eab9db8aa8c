#include "tools/support/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include "engine/base/error.h"
#include "engine/base/file.h"

namespace syncline::cli {
namespace {

using std::chrono::steady_clock;
using End = ChildResult::End;

Error Trouble(const char* doing, const std::string& command, int number) {
  return EnvironmentError(fmt::format("{} {}: {}", doing, command, std::strerror(number)));
}

// The C library's header of it cannot be used from C++.
int OpenProcess(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> Environment(const ChildOptions& options) {
  std::vector<std::string> all;
  for (const auto& [name, value] : options.environment) all.push_back(name + "=" + value);
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    const auto is_named = [&](const std::string& name) { return text.starts_with(name + "="); };
    const bool passed = !options.inherited || std::ranges::any_of(*options.inherited, is_named);
    const bool replaced = std::ranges::any_of(options.environment,
                                              [&](const auto& own) { return is_named(own.first); });
    if (passed && !replaced) all.push_back(text);
  }
  return all;
}

pid_t Spawn(const ChildOptions& options, int output) {
  std::vector<std::string> command = options.command, environment = Environment(options);
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
  // This process has blocked the signals that are to end the child.
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  pid_t pid = 0;
  const int status = ::posix_spawn(&pid, command.at(0).c_str(), &files, &attributes,
                                   Pointers(command).data(), Pointers(environment).data());
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (status != 0) throw Trouble("starting", options.command[0], status);
  return pid;
}

// What can be read without waiting; false at the end.
bool Read(int fd, size_t most, std::string& output) {
  std::array<char, 4096> bytes;
  for (;;) {
    const ssize_t count = ::read(fd, bytes.data(), bytes.size());
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (count == 0) return false;
    output.append(bytes.data(), std::min<size_t>(count, most - std::min(most, output.size())));
  }
}

}  // namespace

ChildResult RunChild(const ChildOptions& options, std::stop_token stop) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    throw Trouble("making a pipe for", options.command.at(0), errno);
  }
  const file::Descriptor ours(ends[0]);
  pid_t pid = 0;
  {
    const file::Descriptor theirs(ends[1]);
    ::fcntl(theirs.get(), F_SETFL, 0);  // the child does not know of waiting
    pid = Spawn(options, theirs.get());
  }
  const file::Descriptor process(OpenProcess(pid)), stopped(::eventfd(0, EFD_CLOEXEC));
  if (process.get() < 0 || stopped.get() < 0) {
    const int number = errno;
    ::kill(-pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    throw Trouble("waiting for", options.command[0], number);
  }
  const std::stop_callback tell(stop, [&] { ::eventfd_write(stopped.get(), 1); });
  const StopGrace* const grace = options.grace.get();
  ChildResult result;
  auto until = steady_clock::now() + options.timeout;
  int signal = SIGTERM;
  bool has_output = true;
  for (;;) {
    const bool is_left_alone = result.end == End::kExited;
    const auto grace_end = grace != nullptr && is_left_alone ? grace->end() : std::nullopt;
    if (grace_end) until = std::min(until, *grace_end);
    std::array<pollfd, 4> watched = {
        pollfd{process.get(), POLLIN, 0}, pollfd{is_left_alone ? stopped.get() : -1, POLLIN, 0},
        pollfd{has_output ? ours.get() : -1, POLLIN, 0},
        pollfd{grace != nullptr && is_left_alone && !grace_end ? grace->fd() : -1, POLLIN, 0}};
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - steady_clock::now()).count();
    ::poll(watched.data(), watched.size(), static_cast<int>(std::clamp<int64_t>(left, 0, 60'000)));
    if (has_output) has_output = Read(ours.get(), options.output_max, result.output);
    if (watched[0].revents != 0) break;
    const bool is_over = grace_end && steady_clock::now() >= *grace_end;
    const bool is_stopped = watched[1].revents != 0 || is_over;
    if (!is_stopped && steady_clock::now() < until) continue;
    if (result.end == End::kExited) result.end = is_stopped ? End::kStopped : End::kTimedOut;
    ::kill(-pid, std::exchange(signal, SIGKILL));
    until = steady_clock::now() + options.kill_after;
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
  if (result.end == End::kExited && WIFSIGNALED(status)) result.end = End::kKilled;
  return result;
}

}  // namespace syncline::cli
