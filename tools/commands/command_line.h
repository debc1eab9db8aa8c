#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace syncline::cli {

class Command;

// One option of a command, for what it takes and how its help shows it. Belongs to its command.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  Option& Required();
  // What stands for the value in the help: "FILE".
  Option& Type(const std::string& name);
  // The help shows the value that the variable has now.
  Option& ShowsDefault();
  Option& OneOf(std::initializer_list<const char*> values);
  Option& Positive();
  Option& InRange(int least, int most);
  // How many values one use of it takes.
  Option& Takes(int least, int most);
  // Each use takes one value; all are kept.
  Option& OnceEach();
  Option& Excludes(const Option& other);
  Option& Needs(const Option& other);

 private:
  CLI::Option* option_;
};

// A command, its options and the commands under it, as they are declared before anything is parsed.
// Variables that are passed in are written while the command line is parsed and must live until
// then. One thread. The only place that knows the option parser.
class Command {
 public:
  // Its name and what it does, as the help has them.
  Command(const std::string& name, const std::string& about);
  ~Command();

  Command& AddCommand(const std::string& name, const std::string& about);
  // `names` without dashes is a positional one: "pipelines", "-o,--output". T: std::string, a path,
  // an integer, an optional or a vector of these.
  template <typename T>
  Option AddOption(const std::string& names, T& value, const std::string& about);
  Option AddFlag(const std::string& names, bool& value, const std::string& about);
  void AddVersion(const std::string& names, const std::string& version);
  // Stands at the end of the help.
  void Footer(const std::string& text);
  // One of the commands under it has to be given.
  void NeedsCommand();
  // Options of this command may also stand behind a command under it.
  void TakesOptionsOfParents();
  // What the command does once the whole command line was understood; returns the exit code.
  void Runs(std::function<int()> body);

  std::vector<std::string> CommandNames() const;

  // Of the top command. Nothing: RunBody may be called; otherwise help or version was printed, and
  // this is the exit code. Throws UsageError with the parser's words.
  std::optional<int> Parse(int argc, const char* const* argv);
  // Of the top command, after Parse: what was asked for. Returns the exit code.
  int RunBody() const { return body_(); }

 private:
  Command(CLI::App* app, Command& top);

  std::unique_ptr<CLI::App> owned_;  // of the top command
  CLI::App* app_;
  Command* top_;
  std::vector<std::unique_ptr<Command>> commands_;
  std::function<int()> body_;  // of the top command: what was asked for
};

}  // namespace syncline::cli
