#pragma once

#include <CLI/App.hpp>
#include <string>

#include "engine/base/error.h"
#include "tools/commands/commands.h"

namespace syncline::cli {

// The parts of `syncline log` that have files of their own; as the functions of commands.h, but
// each adds to the command `log`.
void AddLogBackup(CLI::App& log, const Invocation& invocation, CommandBody& body);
void AddLogCat(CLI::App& log, const Invocation& invocation, CommandBody& body);
void AddLogRepair(CLI::App& log, const Invocation& invocation, CommandBody& body);
void AddLogVerify(CLI::App& log, const Invocation& invocation, CommandBody& body);

// The log that a command is about: the one named, or the only one there is. Throws UsageError.
std::string ChooseSource(const Config& config, const std::string& named);

// "syncline -c other.yaml log repair shop": for people to copy.
std::string LogCommand(const Invocation& invocation, std::string_view command,
                       const std::string& source);

}  // namespace syncline::cli
