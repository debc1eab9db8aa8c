#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/logger.h"
#include "tools/config/config.h"
#include "tools/support/terminal.h"
#include "tools/support/value_json.h"

namespace syncline::cli {

// What every command gets from the command line besides its own options.
struct Invocation {
  std::string program = "syncline";  // as it was called, for commands to copy
  std::filesystem::path config_file = kDefaultConfigFile;
  bool json = false;
  std::string log_level;   // empty: the command's own choice
  std::string log_format;  // "text" or "json"; empty: as `json` says
  bool verbose = false;

  Config Load() const { return LoadConfig(config_file); }
  // Whether what goes to stderr, log lines and errors, are JSON objects, one a line.
  bool logs_json() const { return log_format.empty() ? json : log_format == "json"; }
  // To stderr, coloured on a terminal. `usual` holds unless the command line says otherwise.
  std::shared_ptr<Logger> NewLogger(std::string_view usual = "info") const;
  // stdout, for what the command was asked for.
  Terminal Out() const { return Terminal(stdout); }
  // One JSON document on one line of stdout.
  void Print(const Json& json) const;
};

}  // namespace syncline::cli
