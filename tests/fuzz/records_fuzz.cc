// Any bytes as what else a log holds; the first byte chooses what.
#include <google/protobuf/stubs/logging.h>

#include <string_view>

#include "engine/log/folder/mark.h"
#include "engine/log/store/base_layout.h"
#include "engine/log/store/layout.h"
#include "engine/model/checksum.h"
#include "engine/model/schema.h"
#include "tests/engine/model/samples.h"
#include "tests/fuzz/fuzz_target.h"

namespace syncline::fuzz {
namespace {

enum Kind : uint8_t { kSchema, kRow, kMeta, kMark, kBaseRecord, kBaseEntry, kKinds };

void TrySchema(std::string_view bytes) {
  const auto schema = Decoded([&] { return DecodeSchema(bytes); });
  if (!schema) return;
  const std::string encoded = EncodeSchema(*schema);
  SYNCLINE_CHECK(DecodeSchema(encoded) == *schema);
  SYNCLINE_CHECK_EQ(DecodeSchema(encoded).id(), schema->id());
  SYNCLINE_CHECK(!schema->key.empty());
  for (const uint32_t column : schema->key) SYNCLINE_CHECK(column < schema->columns.size());
  SYNCLINE_CHECK(!schema->has_cursor() || schema->cursor < schema->columns.size());
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

// A number that was read stands there: none was cut, wrapped or rounded.
void CheckStands(uint64_t number, std::string_view bytes) {
  SYNCLINE_CHECK(bytes.find(std::to_string(number)) != bytes.npos);
}

void TryMeta(std::string_view bytes) {
  const auto info = Decoded([&] { return layout::DecodeMeta(bytes); });
  if (!info) return;
  const LogInfo again = layout::DecodeMeta(layout::EncodeMeta(*info));
  SYNCLINE_CHECK(again.id == info->id);
  SYNCLINE_CHECK_EQ(again.epoch, info->epoch);
  CheckStands(info->epoch, bytes);
  SYNCLINE_CHECK_EQ(again.source, info->source);
}

// Takes the mark without its checksum, which no fuzzer finds by chance, as well as whole.
void TryMark(std::string_view bytes) {
  if (const auto mark = DecodeMark(bytes)) SYNCLINE_CHECK_EQ(EncodeMark(*mark), bytes);
  std::string whole(bytes);
  const uint64_t checksum = Checksum64(whole);
  whole.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  if (const auto mark = DecodeMark(whole)) SYNCLINE_CHECK_EQ(EncodeMark(*mark), whole);
}

void TryBaseRecord(std::string_view bytes) {
  const auto record = Decoded([&] { return base::DecodeRecord(bytes); });
  if (!record) return;
  CheckStands(record->info.as_of.value(), bytes);
  CheckStands(record->info.deletions_from.value(), bytes);
  CheckStands(record->info.entries, bytes);
  const std::string encoded = base::EncodeRecord(*record);
  SYNCLINE_CHECK_EQ(base::EncodeRecord(base::DecodeRecord(encoded)), encoded);
}

void TryBaseEntry(std::string_view bytes) {
  const auto stored = Decoded([&] { return base::DecodeEntry(bytes); });
  if (!stored) return;
  SYNCLINE_CHECK_EQ(base::EncodeEntry(*stored), bytes);
  UseRow(stored->entry.row);
}

void TryKeys(std::string_view bytes) {
  if (const auto base = layout::ParseFrameKey(bytes)) {
    SYNCLINE_CHECK_EQ(layout::FrameKey(*base), bytes);
    SYNCLINE_CHECK(bytes < layout::kAfterFrames);
  }
  if (const auto id = layout::ParseSchemaKey(bytes)) {
    SYNCLINE_CHECK_EQ(layout::SchemaKey(*id), bytes);
  }
  if (const auto offset = base::ParseDeletionKey(bytes)) {
    SYNCLINE_CHECK_EQ(base::DeletionKey(*offset), bytes);
  }
}

std::string As(Kind kind, const std::string& bytes) {
  return std::string(1, static_cast<char>(kind)) + bytes;
}

// Fails when a number in JSON is taken for another one, or cast though it does not fit.
void AddNumbersThatAreNone(std::vector<Seed>& seeds) {
  const std::string meta = R"({"format":1,"log_id":"00112233-4455-4677-8899-aabbccddeeff",)"
                           R"("source":"s","epoch":)";
  const std::string record = R"({"as_of":1,"hash":1,"written_at":1,"cut_open":true,"entries":1,)"
                             R"("digest":[1,1],"deletions_from":)";
  for (const char* number : {"1e300", "-1", "1.5", "18446744073709551616", "\"1\""}) {
    seeds.push_back({std::string("epoch_") + number, As(kMeta, meta + number + "}")});
    seeds.push_back({std::string("deletions_") + number, As(kBaseRecord, record + number + "}")});
    // The last one of a name counts.
    seeds.push_back({std::string("digest_") + number,
                     As(kBaseRecord, record + "1,\"digest\":[1," + number + "]}")});
    seeds.push_back({std::string("written_at_") + number,
                     As(kBaseRecord, record + "1,\"written_at\":" + number + "}")});
  }
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
  const Mark mark{.log_id = info.id, .epoch = 2, .begin = Offset(5), .next = Offset(9), .hash = 7};
  seeds.push_back({"mark", As(kMark, EncodeMark(mark))});
  seeds.push_back({"unsealed_mark", As(kMark, EncodeMark(mark).substr(0, 8 + 16 + 4 * 8))});
  seeds.push_back({"base_record", As(kBaseRecord, base::EncodeRecord({}))});
  base::StoredEntry entry{.schema = 3};
  entry.entry.row = row;
  entry.entry.version = Value(ValueView::TimestampTz(9));
  entry.entry.highest_before = Value(ValueView::TimestampTz(7));
  seeds.push_back({"base_entry", As(kBaseEntry, base::EncodeEntry(entry))});
  AddNumbersThatAreNone(seeds);
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
    case kMark:
      TryMark(bytes);
      break;
    case kBaseRecord:
      TryBaseRecord(bytes);
      break;
    case kBaseEntry:
      TryBaseEntry(bytes);
      break;
  }
  TryKeys(bytes);
  return 0;
}
