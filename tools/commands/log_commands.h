#pragma once

#include <string>

#include "engine/base/error.h"
#include "tools/commands/commands.h"

namespace syncline::cli {

// The parts of `syncline log` that have files of their own; as the functions of commands.h, but
// each adds to the command `log`.
void AddLogBackup(Command& log, const Invocation& invocation);
void AddLogCat(Command& log, const Invocation& invocation);
void AddLogRepair(Command& log, const Invocation& invocation);
void AddLogVerify(Command& log, const Invocation& invocation);

// The log that a command is about: the one named, or the only one there is. Throws UsageError.
std::string ChooseSource(const Config& config, const std::string& named);

// "syncline -c other.yaml log repair shop": for people to copy.
std::string LogCommand(const Invocation& invocation, std::string_view command,
                       const std::string& source);

}  // namespace syncline::cli
