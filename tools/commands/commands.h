#pragma once

#include <CLI/App.hpp>
#include <functional>

#include "tools/commands/invocation.h"

namespace syncline::cli {

// The exit code of a verification that has found differences.
inline constexpr int kDivergenceExit = 4;

// A command's body; returns the exit code. Run after the whole command line was understood, so that
// its errors go the way of all errors.
using CommandBody = std::function<int()>;

// Each adds one command to `app`: its options, its help, and a callback that sets `body`. What is
// passed in outlives the body's run. To add a command, write its file, declare it here and call it
// in program.cc.
void AddDemo(CLI::App& app, const Invocation& invocation, CommandBody& body);
void AddInit(CLI::App& app, const Invocation& invocation, CommandBody& body);
void AddCheck(CLI::App& app, const Invocation& invocation, CommandBody& body);
void AddPrepare(CLI::App& app, const Invocation& invocation, CommandBody& body);
void AddRun(CLI::App& app, const Invocation& invocation, CommandBody& body);
void AddCapture(CLI::App& app, const Invocation& invocation, CommandBody& body);
void AddApply(CLI::App& app, const Invocation& invocation, CommandBody& body);
void AddPause(CLI::App& app, const Invocation& invocation, CommandBody& body);
void AddResume(CLI::App& app, const Invocation& invocation, CommandBody& body);
void AddRuns(CLI::App& app, const Invocation& invocation, CommandBody& body);
void AddStatus(CLI::App& app, const Invocation& invocation, CommandBody& body);
void AddLog(CLI::App& app, const Invocation& invocation, CommandBody& body);
void AddReplay(CLI::App& app, const Invocation& invocation, CommandBody& body);
void AddVerify(CLI::App& app, const Invocation& invocation, CommandBody& body);
void AddRepair(CLI::App& app, const Invocation& invocation, CommandBody& body);
void AddConflicts(CLI::App& app, const Invocation& invocation, CommandBody& body);
void AddQuarantine(CLI::App& app, const Invocation& invocation, CommandBody& body);
void AddOffsets(CLI::App& app, const Invocation& invocation, CommandBody& body);

}  // namespace syncline::cli
