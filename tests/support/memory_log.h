#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "engine/log/log_catalog.h"

namespace syncline::test {

// What a log in memory refuses, each with this reason.
inline constexpr char kNoRetention[] = "a log in memory keeps all of its frames";
inline constexpr char kNoBackup[] = "a log in memory lies in no folder that could be copied";
inline constexpr char kNoCare[] =
    "a log in memory goes with its process: nothing of it can be damaged";

// Change logs in memory, for tests that need a log and no disk: frames, cursor, readers that are
// woken, key index, prepared appends and numbers, as tests/conformance has it of every log. What is
// appended lives as long as the catalogue or a LogRef of it, and is there again when the log is
// opened again. Retention, backup, verify and repair throw UsageError with the reasons above.
//
// Threads: as LogCatalog and ChangeLog say.
class MemoryCatalog : public LogCatalog {
 public:
  LogRef Find(const std::string& name) const override;
  std::string Describe() const override { return "memory"; }
  bool KeepPrivate() const override { return false; }

 private:
  mutable std::mutex mutex_;
  mutable std::map<std::string, LogRef> logs_;  // guarded by mutex_
};

}  // namespace syncline::test
