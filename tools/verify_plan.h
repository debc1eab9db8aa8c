#pragma once

#include <CLI/App.hpp>
#include <string>

#include "tools/config.h"
#include "tools/plan.h"
#include "tools/verification.h"

namespace syncline::cli {

// The plan of one pipeline, for comparing its two sides. Throws UsageError when another pipeline
// fills one of its target tables: nobody can tell then whose a row is. EnvironmentError when there
// is no log yet.
Plan VerifyPlan(const Config& config, const std::string& pipeline);

// What `verify` and `repair` have in common on the command line.
struct VerifyArguments {
  std::string table;
  std::string wait = "5s";
  std::string by;

  void AddTo(CLI::App& command);
  // Throws UsageError.
  Verification::Options ToOptions() const;
};

}  // namespace syncline::cli
