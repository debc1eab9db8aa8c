#include "tools/commands/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <utility>

#include "engine/base/error.h"

namespace syncline::cli {

Option& Option::Required() {
  option_->required();
  return *this;
}

Option& Option::Type(const std::string& name) {
  option_->type_name(name);
  return *this;
}

Option& Option::ShowsDefault() {
  option_->capture_default_str();
  return *this;
}

Option& Option::OneOf(std::initializer_list<const char*> values) {
  option_->check(CLI::IsMember(std::vector<std::string>(values.begin(), values.end())));
  return *this;
}

Option& Option::Positive() {
  option_->check(CLI::PositiveNumber);
  return *this;
}

Option& Option::InRange(int least, int most) {
  option_->check(CLI::Range(least, most));
  return *this;
}

Option& Option::Takes(int least, int most) {
  option_->expected(least, most);
  return *this;
}

Option& Option::OnceEach() {
  option_->expected(1)->take_all();
  return *this;
}

Option& Option::Excludes(const Option& other) {
  option_->excludes(other.option_);
  return *this;
}

Option& Option::Needs(const Option& other) {
  option_->needs(other.option_);
  return *this;
}

Command::Command(const std::string& name, const std::string& about)
    : owned_(std::make_unique<CLI::App>(about, name)), app_(owned_.get()), top_(this) {}

Command::Command(CLI::App* app, Command& top) : app_(app), top_(&top) {}

Command::~Command() = default;

Command& Command::AddCommand(const std::string& name, const std::string& about) {
  CLI::App* app = app_->add_subcommand(name, about);
  commands_.push_back(std::unique_ptr<Command>(new Command(app, *top_)));
  return *commands_.back();
}

template <typename T>
Option Command::AddOption(const std::string& names, T& value, const std::string& about) {
  return Option(app_->add_option(names, value, about));
}

template Option Command::AddOption(const std::string&, std::string&, const std::string&);
template Option Command::AddOption(const std::string&, std::filesystem::path&, const std::string&);
template Option Command::AddOption(const std::string&, int&, const std::string&);
template Option Command::AddOption(const std::string&, uint32_t&, const std::string&);
template Option Command::AddOption(const std::string&, uint64_t&, const std::string&);
template Option Command::AddOption(const std::string&, std::vector<std::string>&,
                                   const std::string&);
template Option Command::AddOption(const std::string&, std::vector<uint64_t>&, const std::string&);
template Option Command::AddOption(const std::string&, std::optional<std::string>&,
                                   const std::string&);
template Option Command::AddOption(const std::string&, std::optional<uint64_t>&,
                                   const std::string&);

Option Command::AddFlag(const std::string& names, bool& value, const std::string& about) {
  return Option(app_->add_flag(names, value, about));
}

void Command::AddVersion(const std::string& names, const std::string& version) {
  app_->set_version_flag(names, version);
}

void Command::Footer(const std::string& text) { app_->footer(text); }

void Command::NeedsCommand() { app_->require_subcommand(1); }

void Command::TakesOptionsOfParents() { app_->fallthrough(); }

void Command::Runs(std::function<int()> body) {
  app_->callback([top = top_, body = std::move(body)] { top->body_ = body; });
}

std::vector<std::string> Command::CommandNames() const {
  std::vector<std::string> names;
  for (const CLI::App* command : app_->get_subcommands({})) names.push_back(command->get_name());
  return names;
}

std::optional<int> Command::Parse(int argc, const char* const* argv) {
  try {
    app_->parse(argc, argv);
    return {};
  } catch (const CLI::Success& success) {
    return app_->exit(success);
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
}

}  // namespace syncline::cli
