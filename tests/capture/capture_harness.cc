#include "tests/capture/capture_harness.h"

#include <stdlib.h>

#include <mutex>
#include <stdexcept>
#include <stop_token>

#include "capture/polling/polled_database.h"
#include "engine/log/log_reader.h"
#include "engine/log/rocks/open_log.h"
#include "engine/model/value_text.h"
#include "tests/support/text_logger.h"

namespace syncline::capture {
namespace {

std::string Joined(const Row& row) {
  std::string text;
  for (const ValueView value : row) {
    text += (text.empty() ? "" : "|") + (value.is_null() ? "NULL" : ToText(value));
  }
  return text;
}

}  // namespace

// Hands the stage's messages to the harness.
TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "syncline-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

CaptureHarness::CaptureHarness(sql::DatabaseUrl source, std::vector<TableSpec> tables,
                               CaptureOptions options)
    : source_(std::move(source)), tables_(std::move(tables)), options_(options) {
  options_.once = true;
  logger_ =
      std::make_shared<test::TextLogger>(Logger::Level::kDebug, [this](std::string_view line) {
        const std::string text(line);
        messages_ += text + "\n";
        if (on_message_) on_message_(text);
      });
  Restart();
}

CaptureHarness::~CaptureHarness() = default;

CaptureStage& CaptureHarness::stage() {
  if (!stage_) {
    stage_ =
        std::make_unique<CaptureStage>(Polled(source_, tables_), options_, *log_, clock_, logger_);
  }
  return *stage_;
}

void CaptureHarness::Poll() { stage().Run(std::stop_token()); }

void CaptureHarness::LoadRanges(int ranges) {
  std::stop_source stop;
  on_message_ = [&](const std::string& message) {
    if (message.starts_with("range loaded") && --ranges == 0) stop.request_stop();
  };
  stage().Run(stop.get_token());
  on_message_ = nullptr;
}

void CaptureHarness::Restart() {
  stage_.reset();
  log_.reset();
  log_ = OpenRocksLog(folder_.path() / "log", SourceIdentity(source_), clock_);
}

void CaptureHarness::Configure(std::vector<TableSpec> tables) {
  tables_ = std::move(tables);
  Restart();
}

void CaptureHarness::BackUp() {
  stage_.reset();
  log_.reset();
  std::filesystem::copy(folder_.path() / "log", folder_.path() / "backup",
                        std::filesystem::copy_options::recursive);
  Restart();
}

void CaptureHarness::PutBack() {
  stage_.reset();
  log_.reset();
  std::filesystem::remove_all(folder_.path() / "log");
  std::filesystem::copy(folder_.path() / "backup", folder_.path() / "log",
                        std::filesystem::copy_options::recursive);
  Restart();
}

std::map<std::string, std::string> CaptureHarness::Logged(const TableName& table) const {
  std::map<std::string, std::string> rows;
  const std::unique_ptr<LogReader> reader = log_->NewReader();
  while (const std::optional<Frame> frame = reader->Next()) {
    for (const Change& change : frame->changes) {
      if (change.op == Op::kMark) continue;
      const TableSchema& schema = *frame->tables.at(change.table);
      if (schema.table != table) continue;
      if (change.op == Op::kDelete) {
        rows.erase(Joined(change.row));
        continue;
      }
      rows[Joined(Project(change.row, schema.key))] = Joined(change.row);
    }
  }
  return rows;
}

std::string CaptureHarness::LoggedText(const TableName& table) const {
  std::string text;
  for (const auto& [key, row] : Logged(table)) text += (text.empty() ? "" : ", ") + row;
  return text;
}

uint64_t CaptureHarness::changes() const {
  uint64_t count = 0;
  const std::unique_ptr<LogReader> reader = log_->NewReader();
  while (const std::optional<Frame> frame = reader->Next()) {
    for (const Change& change : frame->changes) count += change.op != Op::kMark;
  }
  return count;
}

std::string CaptureHarness::cursor_told() const { return log_->NewReader()->Last().value().cursor; }

uint64_t CaptureHarness::rows_read() const { return stage_ ? stage_->stats().rows_read.load() : 0; }

}  // namespace syncline::capture
