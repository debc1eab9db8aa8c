#pragma once

#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/logger.h"
#include "engine/log/change_log.h"
#include "engine/log/cut_writer.h"
#include "engine/log/log_reader.h"
#include "engine/model/schema.h"

namespace syncline::test {

// A folder of the test's own that goes with the object.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A real change log in a temporary folder, filled by the test in place of capture. Frames are
// stamped by the clock that it is given.
class TestLog {
 public:
  explicit TestLog(Clock& clock);

  // One cut: whatever `fill` gives to the writer, then closed. Frames of at most `frame_bytes`.
  void Cut(const std::function<void(CutWriter&)>& fill, size_t frame_bytes = 256u << 10);
  // The same, without closing the cut.
  void OpenCut(const std::function<void(CutWriter&)>& fill, size_t frame_bytes = 256u << 10);

  // Folds all frames there are into the base.
  void Fold();

  // Closes the log, cuts it as `syncline log repair` does, and opens it again. No reader may be
  // left.
  void CutAt(Offset offset);

  ChangeLog& log() { return *log_; }
  std::unique_ptr<LogReader> NewReader() { return log_->NewReader(); }
  Offset end() const { return log_->next(); }

 private:
  TempFolder folder_;
  Clock& clock_;
  std::unique_ptr<ChangeLog> log_;
};

using SchemaPtr = std::shared_ptr<const TableSchema>;

// A table as PostgreSQL would have it. The key is the first column; the cursor is the last.
SchemaPtr MakeSchema(const std::string& table, std::vector<Column> columns);
// public.items(id bigint, name text, updated_at timestamptz).
SchemaPtr ItemsSchema();

Row MakeRow(std::initializer_list<ValueView> values);
// A row of ItemsSchema; `stamp` counts in seconds since 2000.
Row Item(int64_t id, const std::string& name, int64_t stamp);
ValueView Stamp(int64_t seconds);

std::shared_ptr<Logger> QuietLogger();

}  // namespace syncline::test
