#include "tools/commands/program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>

#include "engine/base/as_error.h"
#include "engine/base/crash_point.h"
#include "engine/base/error.h"
#include "engine/base/nearest.h"
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

void AddGlobalOptions(CLI::App& app, Invocation& invocation) {
  app.set_version_flag("--version", "syncline " SYNCLINE_VERSION);
  app.add_option("-c,--config", invocation.config_file, "The configuration file")
      ->capture_default_str()
      ->type_name("FILE");
  app.add_flag("--json", invocation.json,
               "Write results on stdout as JSON, and log lines and errors on stderr");
  app.add_option("--log-level", invocation.log_level, "How much is told on stderr")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}))
      ->type_name("LEVEL");
  app.add_option("--log-format", invocation.log_format,
                 "Log lines and errors on stderr as text or as JSON, one object a line; without "
                 "it: as --json says")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT");
  app.add_flag("-v,--verbose", invocation.verbose, "The same as --log-level debug");
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

Error ErrorOf(const CLI::ParseError& error, const CLI::App& app, int argc,
              const char* const* argv) {
  std::vector<std::string> commands;
  for (const CLI::App* command : app.get_subcommands({})) commands.push_back(command->get_name());
  const std::string word = FirstWord(argc, argv);
  const bool known = std::find(commands.begin(), commands.end(), word) != commands.end();
  if (!word.empty() && !known) {
    return UsageError(fmt::format("unknown command \"{}\"{}", word, DidYouMean(word, commands)),
                      fmt::format("commands: {}", fmt::join(commands, ", ")));
  }
  return UsageError(error.what(), known ? fmt::format("see `syncline {} --help`", word)
                                        : std::string("see `syncline --help`"));
}

}  // namespace

int RunProgram(int argc, const char* const* argv) {
  CLI::App app(
      "Keeps databases in step: captures the changes of a source into a durable log and "
      "applies that log to targets.",
      "syncline");
  Invocation invocation;
  if (argc > 0) invocation.program = argv[0];
  CommandBody body;
  AddGlobalOptions(app, invocation);
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(kFooter);
  for (auto add : {AddDemo, AddInit, AddCheck, AddPrepare, AddRun, AddCapture, AddApply, AddPause,
                   AddResume, AddRuns, AddStatus, AddLog, AddReplay, AddVerify, AddRepair,
                   AddOffsets, AddConflicts, AddQuarantine}) {
    add(app, invocation, body);
  }
  try {
    ArmCrashPoint();
    app.parse(argc, argv);
    const int code = body();
    CheckOutput();
    return code;
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    TellError(ErrorOf(error, app, argc, argv), invocation.logs_json());
    return kUsageExit;
  } catch (...) {
    const Error error = AsError(std::current_exception());
    TellError(error, invocation.logs_json());
    return error.exit_code();
  }
}

}  // namespace syncline::cli
