#include "tools/commands/last_resort.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <new>
#include <string_view>

#include "engine/base/as_error.h"
#include "engine/base/error.h"

namespace syncline::cli {
namespace {

constexpr int kEnvironmentExit = 3;
constexpr std::string_view kNoMemory = "the system does not give the memory that is needed";

bool tells_json = false;  // constant after InstallLastResorts

// Without allocating anything. Of a text from elsewhere what would have to be escaped is left out.
void Write(std::string_view text, bool escaped) {
  for (char c : text) {
    if (escaped && (static_cast<unsigned char>(c) < ' ' || c == '\x7f')) c = ' ';
    if (escaped && tells_json && (c == '"' || c == '\\' || static_cast<signed char>(c) < 0)) {
      c = ' ';
    }
    if (::write(STDERR_FILENO, &c, 1) < 0) return;
  }
}

void Tell(std::string_view message, std::string_view hint) {
  const std::array<std::string_view, 5> plain = {"error: ", message, "\n  hint: ", hint, "\n"};
  const std::array<std::string_view, 5> json = {R"({"error":{"message":")", message,
                                                R"(","hint":")", hint,
                                                "\",\"code\":\"\",\"exit_code\":3}}\n"};
  for (size_t i = 0; i < plain.size(); ++i) {
    const bool is_text = i % 2 == 1;
    Write(tells_json ? json[i] : plain[i], is_text);
  }
}

[[noreturn]] void EndWithoutMemory() {
  Tell(kNoMemory, kMemoryHint);
  ::_exit(kEnvironmentExit);
}

[[noreturn]] void EndUnhandled() {
  if (const std::exception_ptr exception = std::current_exception()) {
    const Error error = AsError(exception);
    if (error.cause() == Cause::kEnvironment) {
      Tell(error.message(), error.hint());
      ::_exit(kEnvironmentExit);
    }
    Tell(error.message(), error.hint());
  }
  std::abort();
}

}  // namespace

void OccupyStandardFiles() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest number that is free, which is this one.
    if (::open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) < 0) return;
  }
}

void InstallLastResorts(bool json) {
  tells_json = json;
  std::signal(SIGXFSZ, SIG_IGN);  // so that a write beyond `ulimit -f` is an error as any other
  std::set_new_handler(EndWithoutMemory);
  std::set_terminate(EndUnhandled);
}

}  // namespace syncline::cli
