// Any bytes as what else a log holds: the first byte chooses a schema, a row, or the meta record.
#include <google/protobuf/stubs/logging.h>

#include <string_view>

#include "engine/log/layout.h"
#include "engine/model/schema.h"
#include "tests/engine/model/samples.h"
#include "tests/fuzz/fuzz_target.h"

namespace syncline::fuzz {
namespace {

enum Kind : uint8_t { kSchema, kRow, kMeta, kKinds };

void TrySchema(std::string_view bytes) {
  const auto schema = Decoded([&] { return DecodeSchema(bytes); });
  if (!schema) return;
  const std::string encoded = EncodeSchema(*schema);
  SYNCLINE_CHECK(DecodeSchema(encoded) == *schema);
  SYNCLINE_CHECK_EQ(DecodeSchema(encoded).id(), schema->id());
  SYNCLINE_CHECK(!schema->key.empty());
  for (const uint32_t column : schema->key) SYNCLINE_CHECK(column < schema->columns.size());
  SYNCLINE_CHECK(schema->cursor < schema->columns.size());
  SYNCLINE_CHECK(!DialectName(schema->dialect).empty());
  for (const Column& column : schema->columns) {
    SYNCLINE_CHECK(!TypeName(column.type).empty());
    SYNCLINE_CHECK(schema->Find(column.name) >= 0);
  }
}

void TryRow(std::string_view bytes) {
  const auto row = Decoded([&] { return Row::FromBytes(std::string(bytes)); });
  if (row) UseRow(*row);
}

void TryMeta(std::string_view bytes) {
  const auto info = Decoded([&] { return layout::DecodeMeta(bytes); });
  if (!info) return;
  const LogInfo again = layout::DecodeMeta(layout::EncodeMeta(*info));
  SYNCLINE_CHECK(again.id == info->id);
  SYNCLINE_CHECK_EQ(again.epoch, info->epoch);
  SYNCLINE_CHECK_EQ(again.source, info->source);
}

void TryKeys(std::string_view bytes) {
  if (const auto base = layout::ParseFrameKey(bytes)) {
    SYNCLINE_CHECK_EQ(layout::FrameKey(*base), bytes);
    SYNCLINE_CHECK(bytes < layout::kAfterFrames);
  }
  if (const auto id = layout::ParseSchemaKey(bytes)) {
    SYNCLINE_CHECK_EQ(layout::SchemaKey(*id), bytes);
  }
}

std::string As(Kind kind, const std::string& bytes) {
  return std::string(1, static_cast<char>(kind)) + bytes;
}

}  // namespace

std::vector<Seed> Seeds() {
  const LogInfo info{LogId::Parse("00112233-4455-4677-8899-aabbccddeeff"), 2, "sqlite:/shöp.db"};
  std::vector<Seed> seeds = {{"format_md_schema", As(kSchema, FormatExample("### Schema"))},
                             {"meta", As(kMeta, layout::EncodeMeta(info))},
                             {"empty_row", As(kRow, "")}};
  Row row;
  for (const ValueView value : SampleValues()) {
    Row single;
    single.Append(value);
    seeds.push_back({"row_" + std::to_string(row.size()), As(kRow, single.bytes())});
    row.Append(value);
  }
  seeds.push_back({"row_of_all", As(kRow, row.bytes())});
  TableSchema sqlite{.table = {"", "odd \"name\""},
                     .dialect = Dialect::kSqlite,
                     .columns = {{"", Type::kOther, "", false}, {"b", Type::kUuid, "uuid", true}},
                     .key = {1, 0},
                     .cursor = 1};
  seeds.push_back({"sqlite_schema", As(kSchema, EncodeSchema(sqlite))});
  return seeds;
}

}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace syncline::fuzz;
  // Protobuf tells stderr about every text that is not UTF-8.
  static const auto quiet = google::protobuf::SetLogHandler(nullptr);
  (void)quiet;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % kKinds) {
    case kSchema:
      TrySchema(bytes);
      break;
    case kRow:
      TryRow(bytes);
      break;
    case kMeta:
      TryMeta(bytes);
      break;
  }
  TryKeys(bytes);
  return 0;
}
