#pragma once

namespace syncline::cli {

// All of `syncline`: reads the command line, runs one command, tells errors on stderr. Returns the
// exit code: 0 ok, 1 runtime, 2 usage or configuration, 3 environment, 4 damage or divergence
// found.
int RunProgram(int argc, const char* const* argv);

// Whether the command line asks for log lines and errors as JSON, by --log-format or --json; for
// what has to be told before, or in spite of which, it cannot be read.
bool AsksForJson(int argc, const char* const* argv);

}  // namespace syncline::cli
