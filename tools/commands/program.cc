#include "tools/commands/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>

#include "engine/base/as_error.h"
#include "engine/base/crash_point.h"
#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "engine/base/no_pipe_signal.h"
#include "tools/commands/commands.h"
#include "tools/commands/invocation.h"
#include "tools/support/terminal.h"

#ifndef SYNCLINE_VERSION
#error "SYNCLINE_VERSION comes from CMake"
#endif

namespace syncline::cli {
namespace {

constexpr int kUsageExit = 2;

constexpr const char* kFooter = R"(A first look, without any server:
  syncline demo

From a live database to a running sync:
  syncline init postgresql://reader@localhost/shop --to sqlite:mirror.db
  syncline check
  syncline run

Exit codes: 0 ok, 1 runtime, 2 usage or configuration, 3 environment (a server,
a disk, a permission), 4 damage or divergence found.)";

void TellError(const Error& error, bool json) {
  const NoPipeSignal no_signal;  // the exit code is told in any case
  Terminal terminal(stderr);
  if (json) {
    Json told = {{"message", error.message()},
                 {"hint", error.hint()},
                 {"code", error.code()},
                 {"exit_code", error.exit_code()}};
    terminal.Line(Dump(Json{{"error", std::move(told)}}));
    return;
  }
  std::string code = error.code().empty() ? "" : fmt::format(" [{}]", error.code());
  terminal.Lines({"error: ", Style::kBad}, error.message() + code);
  if (!error.hint().empty()) terminal.Lines({"  hint: ", Style::kBold}, error.hint());
}

// A result that did not reach its file is no result.
void CheckOutput() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
  throw EnvironmentError(fmt::format("cannot write to stdout: {}", std::strerror(errno)),
                         "what was printed is not complete");
}

void AddGlobalOptions(Command& app, Invocation& invocation) {
  app.AddVersion("--version", "syncline " SYNCLINE_VERSION);
  app.AddOption("-c,--config", invocation.config_file, "The configuration file")
      .ShowsDefault()
      .Type("FILE");
  app.AddFlag("--json", invocation.json,
              "Write results on stdout as JSON, and log lines and errors on stderr");
  app.AddOption("--log-level", invocation.log_level, "How much is told on stderr")
      .OneOf({"trace", "debug", "info", "warn", "error", "off"})
      .Type("LEVEL");
  app.AddOption("--log-format", invocation.log_format,
                "Log lines and errors on stderr as text or as JSON, one object a line; without "
                "it: as --json says")
      .OneOf({"text", "json"})
      .Type("FORMAT");
  app.AddFlag("-v,--verbose", invocation.verbose, "The same as --log-level debug");
}

// The first word of the command line that is neither an option nor the value of one of all
// commands.
std::string FirstWord(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word == "-c" || word == "--config" || word == "--log-level" || word == "--log-format") {
      ++i;
    } else if (!word.empty() && word[0] != '-') {
      return word;
    }
  }
  return {};
}

// The parser's error, in the words of this program.
Error ErrorOf(const Error& error, const Command& app, int argc, const char* const* argv) {
  const std::vector<std::string> commands = app.CommandNames();
  const std::string word = FirstWord(argc, argv);
  const bool known = std::ranges::find(commands, word) != commands.end();
  if (!word.empty() && !known) {
    return UsageError(fmt::format("unknown command \"{}\"{}", word, DidYouMean(word, commands)),
                      fmt::format("commands: {}", fmt::join(commands, ", ")));
  }
  return UsageError(error.message(), known ? fmt::format("see `syncline {} --help`", word)
                                           : std::string("see `syncline --help`"));
}

}  // namespace

bool AsksForJson(int argc, const char* const* argv) {
  constexpr std::string_view kFormat = "--log-format";
  bool json = false;
  std::string_view format;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--") break;
    if (word == "--json") json = true;
    if (word == kFormat && i + 1 < argc) format = argv[++i];
    if (word.starts_with(kFormat) && word.substr(kFormat.size()).starts_with('=')) {
      format = word.substr(kFormat.size() + 1);
    }
  }
  return format == "json" || (format != "text" && json);
}

int RunProgram(int argc, const char* const* argv) {
  Command app("syncline",
              "Keeps databases in step: captures the changes of a source into a durable log and "
              "applies that log to targets.");
  Invocation invocation;
  if (argc > 0) invocation.program = argv[0];
  AddGlobalOptions(app, invocation);
  app.NeedsCommand();
  app.TakesOptionsOfParents();
  app.Footer(kFooter);
  for (auto add : {AddDemo, AddInit, AddCheck, AddPrepare, AddRun, AddCapture, AddApply, AddPause,
                   AddResume, AddRuns, AddStatus, AddLog, AddReplay, AddVerify, AddRepair,
                   AddOffsets, AddConflicts, AddQuarantine}) {
    add(app, invocation);
  }
  try {
    ArmCrashPoint();
    std::optional<int> done;
    try {
      done = app.Parse(argc, argv);
    } catch (const Error& error) {
      TellError(ErrorOf(error, app, argc, argv), AsksForJson(argc, argv));
      return kUsageExit;
    }
    if (done) return *done;
    const int code = app.RunBody();
    CheckOutput();
    return code;
  } catch (...) {
    const Error error = AsError(std::current_exception());
    TellError(error, AsksForJson(argc, argv));
    return error.exit_code();
  }
}

}  // namespace syncline::cli
