#pragma once

#include <string>

#include "tools/commands/command_line.h"
#include "tools/verify/verification.h"

namespace syncline::cli {

// What `verify` and `repair` have in common on the command line.
struct VerifyArguments {
  std::string table;
  std::string wait = "5s";
  std::string by;

  // The options write into this object, which has to outlive the parsing.
  void AddTo(Command& command);
  // Throws UsageError.
  Verification::Options ToOptions() const;
};

}  // namespace syncline::cli
