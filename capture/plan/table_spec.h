#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "capture/plan/capture_method.h"
#include "capture/plan/deletes.h"
#include "engine/model/schema.h"

namespace syncline::capture {

// What a row's values may take unless the configuration says otherwise.
inline constexpr uint64_t kRowBytesMax = 64u << 20;

// How one table of the source is captured. Plain value type.
struct TableSpec {
  TableName table;
  std::vector<std::string>
      key;             // empty: the primary key, else the first unique key over NOT NULL columns
  std::string cursor;  // as CursorColumns::Parse reads it; empty unless by CaptureMethod::kCursor
  std::vector<std::string> omit;  // columns that must not leave the source
  std::string where;              // SQL condition on the source; empty: all rows
  Deletes deletes;
  std::string zone;                // of a cursor without one; empty: as the server is configured
  std::vector<std::string> named;  // columns that targets rename or do without: they must exist
  uint64_t row_bytes_max = kRowBytesMax;  // a row with more stays at the source, and is told of
  CaptureMethod method = CaptureMethod::kCursor;
};

}  // namespace syncline::capture
