#pragma once

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/model/row.h"
#include "engine/model/schema.h"

// What the log's benches share: a folder in $TMPDIR, and the rows.
namespace syncline::bench {

class TempFolder {
 public:
  TempFolder() {
    std::string name = std::filesystem::temp_directory_path() / "syncline-bench-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
    path_ = name;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::shared_ptr<const TableSchema> ItemsTable() {
  TableSchema schema;
  schema.table = {"public", "items"};
  schema.columns = {{"id", Type::kInt, "bigint", false},
                    {"source_id", Type::kInt, "bigint", true},
                    {"name", Type::kText, "text", true},
                    {"category", Type::kInt, "integer", true},
                    {"price", Type::kDecimal, "numeric(12,2)", true},
                    {"payload", Type::kText, "text", true},
                    {"deleted", Type::kBool, "boolean", true},
                    {"updated_at", Type::kTimestampTz, "timestamptz", false},
                    {"version", Type::kInt, "bigint", true}};
  schema.key = {0};
  schema.cursor = 7;
  return std::make_shared<const TableSchema>(std::move(schema));
}

// `count` rows of about 175 bytes; those of another generation have the same keys.
inline std::vector<Row> MakeRows(int64_t generation, int64_t count) {
  std::minstd_rand random(42);
  std::vector<Row> rows(count);
  std::string payload(110, ' ');
  for (int64_t id = 0; id < count; ++id) {
    for (char& c : payload) c = "0123456789abcdef"[random() % 16];
    Row& row = rows[id];
    row.Reserve(208);
    row.Append(ValueView::Int(id));
    row.Append(ValueView::Int(1'000'000 + id));
    row.Append(ValueView::Text("item number " + std::to_string(id)));
    row.Append(ValueView::Int(random() % 100));
    row.Append(ValueView::Decimal(std::to_string(random() % 10'000) + ".99"));
    row.Append(ValueView::Text(payload));
    row.Append(ValueView::Bool(false));
    row.Append(ValueView::TimestampTz(800'000'000'000'000 + 17 * id + generation));
    row.Append(ValueView::Int(generation));
  }
  return rows;
}

}  // namespace syncline::bench
