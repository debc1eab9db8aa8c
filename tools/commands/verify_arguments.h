#pragma once

#include <CLI/App.hpp>
#include <string>

#include "tools/verify/verification.h"

namespace syncline::cli {

// What `verify` and `repair` have in common on the command line.
struct VerifyArguments {
  std::string table;
  std::string wait = "5s";
  std::string by;

  // The options write into this object, which has to outlive the parsing.
  void AddTo(CLI::App& command);
  // Throws UsageError.
  Verification::Options ToOptions() const;
};

}  // namespace syncline::cli
