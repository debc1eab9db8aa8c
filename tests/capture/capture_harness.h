#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/capture_stage.h"
#include "capture/plan/table_spec.h"
#include "capture/polling/capture_options.h"
#include "engine/base/clock.h"
#include "engine/base/logger.h"
#include "engine/log/change_log.h"
#include "engine/sql/database_url.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// A folder that goes away with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// One source, captured into a log of its own, poll by poll as the test wants it. Time stands still
// but for the waits of the stage, which take none.
class CaptureHarness {
 public:
  CaptureHarness(sql::DatabaseUrl source, std::vector<TableSpec> tables,
                 CaptureOptions options = {});
  ~CaptureHarness();

  // Looks at the tables, as any stage does when it is made, and reads nothing.
  void Connect() { stage(); }
  // What is not loaded yet, then one poll; over the session of the poll before.
  void Poll();
  // Loads, and stops after that many ranges.
  void LoadRanges(int ranges);
  // As if the process had died and another one had been started.
  void Restart();
  void Configure(std::vector<TableSpec> tables);
  // Copies the log; puts the copy in its place, as who restores a backup does.
  void BackUp();
  void PutBack();

  // The last state of each key in the log that is not deleted: its values joined by "|", by its key
  // in the same form.
  std::map<std::string, std::string> Logged(const TableName& table) const;
  // The same as one text: "1|a, 2|b".
  std::string LoggedText(const TableName& table) const;
  // The rows that the log's index holds.
  std::vector<LoggedKey> Keys(const TableName& table) const {
    return log_->NextKeys(table, std::nullopt, SIZE_MAX);
  }
  // How many changes were logged at all; marks that only close a cut are not counted.
  uint64_t changes() const;
  bool cut_open() const { return log_->cut_open(); }
  const std::string& cursor() const { return log_->cursor(); }
  // The cursor that others find, in the log's last frame.
  std::string cursor_told() const;
  uint64_t rows_read() const;
  // What the stage has waited.
  Microseconds waited() const { return clock_.Monotonic(); }
  const std::string& messages() const { return messages_; }

 private:
  CaptureStage& stage();

  const sql::DatabaseUrl source_;
  std::vector<TableSpec> tables_;
  CaptureOptions options_;
  TemporaryFolder folder_;
  ManualClock clock_;
  std::string messages_;  // what the stage said
  std::function<void(const std::string&)> on_message_;
  std::shared_ptr<Logger> logger_;
  std::unique_ptr<ChangeLog> log_;
  std::unique_ptr<CaptureStage> stage_;
};

}  // namespace syncline::capture
