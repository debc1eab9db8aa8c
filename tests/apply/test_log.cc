#include "tests/apply/test_log.h"

#include <stdlib.h>

#include <stdexcept>

#include "engine/base/logger.h"
#include "engine/log/care/log_repair.h"
#include "engine/log/retention.h"
#include "engine/log/rocks/open_log.h"

namespace syncline::test {

TempFolder::TempFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "syncline-apply-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

TestLog::TestLog(Clock& clock)
    : clock_(clock), log_(OpenRocksLog(folder_.path() / "log", "test:source", clock)) {}

void TestLog::CutAt(Offset offset) {
  log_.reset();
  RepairLog(folder_.path() / "log", offset, clock_);
  log_ = OpenRocksLog(folder_.path() / "log", "test:source", clock_);
}

void TestLog::Fold() {
  // The last frame always stays.
  Cut([this](CutWriter& writer) {
    writer.Add(MakeSchema("test.last", ItemsSchema()->columns),
               Item(static_cast<int64_t>(end().value()), "x", 1));
  });
  log_->NewRetention({.keep_bytes = 0})->Run({});
}

void TestLog::Cut(const std::function<void(CutWriter&)>& fill, size_t frame_bytes) {
  CutWriter writer(*log_, {.frame_bytes = frame_bytes});
  fill(writer);
  writer.Close("cursor");
}

void TestLog::OpenCut(const std::function<void(CutWriter&)>& fill, size_t frame_bytes) {
  CutWriter writer(*log_, {.frame_bytes = frame_bytes});
  fill(writer);
  writer.Checkpoint("cursor");
}

SchemaPtr MakeSchema(const std::string& table, std::vector<Column> columns) {
  auto schema = std::make_shared<TableSchema>();
  schema->table = TableName::Parse(table);
  schema->cursor = static_cast<uint32_t>(columns.size()) - 1;
  schema->key = {0};
  schema->columns = std::move(columns);
  return schema;
}

SchemaPtr ItemsSchema() {
  static const SchemaPtr schema = MakeSchema(
      "public.items", {{"id", Type::kInt, "bigint", false},
                       {"name", Type::kText, "text", true},
                       {"updated_at", Type::kTimestampTz, "timestamp with time zone", false}});
  return schema;
}

Row MakeRow(std::initializer_list<ValueView> values) {
  Row row;
  for (const ValueView value : values) row.Append(value);
  return row;
}

ValueView Stamp(int64_t seconds) { return ValueView::TimestampTz(seconds * 1'000'000); }

Row Item(int64_t id, const std::string& name, int64_t stamp) {
  return MakeRow({ValueView::Int(id), ValueView::Text(name), Stamp(stamp)});
}

std::shared_ptr<Logger> QuietLogger() { return std::make_shared<NullLogger>(); }

}  // namespace syncline::test
