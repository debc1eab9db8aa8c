#pragma once

#include "tools/commands/command_line.h"
#include "tools/commands/invocation.h"

namespace syncline::cli {

// The exit code of a verification that has found differences.
inline constexpr int kDivergenceExit = 4;

// Each adds one command to `app`: its options, its help, and what it does. What is passed in
// outlives the program's run. To add a command, write its file, declare it here and call it in
// program.cc.
void AddDemo(Command& app, const Invocation& invocation);
void AddInit(Command& app, const Invocation& invocation);
void AddCheck(Command& app, const Invocation& invocation);
void AddPrepare(Command& app, const Invocation& invocation);
void AddRun(Command& app, const Invocation& invocation);
void AddCapture(Command& app, const Invocation& invocation);
void AddApply(Command& app, const Invocation& invocation);
void AddPause(Command& app, const Invocation& invocation);
void AddResume(Command& app, const Invocation& invocation);
void AddRuns(Command& app, const Invocation& invocation);
void AddStatus(Command& app, const Invocation& invocation);
void AddLog(Command& app, const Invocation& invocation);
void AddReplay(Command& app, const Invocation& invocation);
void AddVerify(Command& app, const Invocation& invocation);
void AddRepair(Command& app, const Invocation& invocation);
void AddConflicts(Command& app, const Invocation& invocation);
void AddQuarantine(Command& app, const Invocation& invocation);
void AddOffsets(Command& app, const Invocation& invocation);

}  // namespace syncline::cli
