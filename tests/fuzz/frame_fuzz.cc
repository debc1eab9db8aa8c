// Any bytes as a frame of the log. A frame is hashed and compressed, and a fuzzer finds neither a
// hash nor a compressed text by chance; so the first byte says how the rest becomes a frame:
//
//   even  as it is, with the right hash in place of its last 8 bytes if bit 1 is set
//   odd   u8 n, n bytes of header, then the body in plain: length, compression (LZ4 if bit 2 is
//   set,
//         else zstd) and hash are made right
#include <lz4.h>
#include <xxhash.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "engine/model/frame.h"
#include "engine/model/row_shape.h"
#include "frame.pb.h"
#include "tests/engine/model/samples.h"
#include "tests/fuzz/fuzz_target.h"

namespace syncline::fuzz {
namespace {

constexpr uint8_t kPackedBit = 1;
constexpr uint8_t kHashedBit = 2;
constexpr uint8_t kFastBit = 4;
constexpr size_t kHashBytes = 8;

std::string Number32(uint32_t number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

std::string Hashed(std::string entry) {
  const uint64_t hash = XXH3_64bits(entry.data(), entry.size());
  return entry.append(reinterpret_cast<const char*>(&hash), kHashBytes);
}

char FormatOf(Compression how) { return how == Compression::kFast ? 2 : 1; }

std::string Compressed(Compression how, std::string_view body) {
  if (how == Compression::kFast) {
    std::string out(LZ4_compressBound(static_cast<int>(body.size())), '\0');
    out.resize(LZ4_compress_default(body.data(), out.data(), static_cast<int>(body.size()),
                                    static_cast<int>(out.size())));
    return out;
  }
  std::string out(ZSTD_compressBound(body.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), body.data(), body.size(), 1));
  return out;
}

// The field body_bytes behind a header: of a field that is there twice, the last one counts.
std::string BodyBytesField(size_t body_bytes) {
  wire::FrameHeader field;
  field.set_body_bytes(static_cast<uint32_t>(body_bytes));
  return field.SerializeAsString();
}

std::string Entry(Compression how, const std::string& head, const std::string& compressed) {
  return Hashed(FormatOf(how) + Number32(static_cast<uint32_t>(head.size())) + head + compressed);
}

std::string Pack(Compression how, std::string_view header, std::string_view body) {
  return Entry(how, std::string(header) + BodyBytesField(body.size()), Compressed(how, body));
}

std::string EntryOf(std::string_view input) {
  if (input.empty()) return {};
  const auto mode = static_cast<uint8_t>(input[0]);
  input.remove_prefix(1);
  if (mode & kPackedBit) {
    if (input.empty()) return {};
    const size_t header = std::min<size_t>(input.size() - 1, static_cast<uint8_t>(input[0]));
    const Compression how = mode & kFastBit ? Compression::kFast : Compression::kSmall;
    return Pack(how, input.substr(1, header), input.substr(1 + header));
  }
  if ((mode & kHashedBit) && input.size() >= kHashBytes) {
    return Hashed(std::string(input.substr(0, input.size() - kHashBytes)));
  }
  return std::string(input);
}

// What is decoded can be written, and reads back as the same.
void CheckRoundTrip(const Frame& frame, Compression how) {
  FrameHeader header = frame.header;
  const std::string entry = EncodeFrame(header, frame.changes, how);
  const Frame again = DecodeFrame(entry);
  SYNCLINE_CHECK(again.header == header);
  SYNCLINE_CHECK(again.changes == frame.changes);
  // What depends on how the bytes were written: there is more than one way.
  header.hash = frame.header.hash;
  header.body_bytes = frame.header.body_bytes;
  header.entry_bytes = frame.header.entry_bytes;
  SYNCLINE_CHECK(header == frame.header);
}

// A table of which some of the seeds' rows are.
std::shared_ptr<const TableSchema> SampleTable() {
  static const auto table = std::make_shared<const TableSchema>(
      TableSchema{.table = {"public", "t"},
                  .columns = {{"id", Type::kInt, "bigint", false},
                              {"name", Type::kText, "text", true},
                              {"at", Type::kTimestampTz, "timestamptz", true}},
                  .key = {0},
                  .cursor = 2});
  return table;
}

// With its tables a frame has rows of their shape only.
void TryWithTables(const std::string& entry) {
  const auto frame = Decoded([&] {
    EncodedFrame encoded(entry);
    EncodedFrame::Tables tables(encoded.header().schemas.size(), SampleTable());
    return std::move(encoded).Decode(std::move(tables));
  });
  if (!frame) return;
  const TableShapes shapes(*SampleTable());
  for (const Change& change : frame->changes) {
    if (change.op == Op::kMark) continue;
    SYNCLINE_CHECK((change.op == Op::kDelete ? shapes.keys : shapes.rows).Fits(change.row));
    for (size_t i = 0; i < change.row.size(); ++i) change.row[i];
    if (change.op == Op::kUpsert) SampleTable()->VersionOf(change.row);
  }
}

void Try(const std::string& entry) {
  TryWithTables(entry);
  const auto header = Decoded([&] { return DecodeFrameHeader(entry); });
  const auto frame = Decoded([&] { return DecodeFrame(entry); });
  if (!frame) return;
  SYNCLINE_CHECK(header == frame->header);
  SYNCLINE_CHECK_EQ(frame->changes.size(), frame->header.count);
  for (const Change& change : frame->changes) {
    UseRow(change.row);
    if (change.previous) CompareValues(*change.previous, change.version);
  }
  CheckRoundTrip(*frame, Compression::kSmall);
  CheckRoundTrip(*frame, Compression::kFast);
}

FrameHeader SampleHeader() {
  FrameHeader header{.log_id = LogId::Parse("00112233-4455-4677-8899-aabbccddeeff"),
                     .epoch = 3,
                     .base = Offset(1'000'000),
                     .previous_hash = 0x1122334455667788};
  header.written_at = WallTime(Microseconds(1'800'000'000'000'000));
  header.schemas = {11, 22};
  header.cursor = "{\"clock\":1}";
  return header;
}

std::vector<Change> OneOfEachType() {
  std::vector<Change> changes;
  for (const ValueView value : SampleValues()) {
    Change change{.table = static_cast<uint32_t>(changes.size() % 2), .version = Value(value)};
    change.row.Append(value);
    change.row.Append(ValueView::Null());
    changes.push_back(std::move(change));
  }
  return changes;
}

std::vector<Change> OneOfEachOperation() {
  Change upsert, deletion, mark;
  upsert.row.Append(ValueView::Int(7));
  upsert.version = Value(ValueView::TimestampTz(9));
  deletion.op = Op::kDelete;
  deletion.table = 1;
  deletion.row.Append(ValueView::Int(7));
  deletion.previous = Value();  // a state whose version was NULL
  mark.op = Op::kMark;
  return {upsert, deletion, mark};
}

std::vector<Change> RowsOfTheTable() {
  Change upsert, deletion;
  upsert.row.Append(ValueView::Int(7));
  upsert.row.Append(ValueView::Text("name"));
  upsert.row.Append(ValueView::TimestampTz(9));
  upsert.version = Value(ValueView::TimestampTz(9));
  upsert.lineage = Lineage{.clock = {9, 1}, .before = RowClock{8, 2}, .via = 2};
  deletion.op = Op::kDelete;
  deletion.row.Append(ValueView::Int(7));
  deletion.version = Value(ValueView::TimestampTz(10));
  return {upsert, deletion};
}

// An entry as each of the modes takes it.
void AddSeeds(const std::string& name, const std::string& entry, std::vector<Seed>& seeds) {
  uint32_t header_bytes;
  std::memcpy(&header_bytes, entry.data() + 1, sizeof header_bytes);
  const std::string header = entry.substr(5, header_bytes);
  SYNCLINE_CHECK(header.size() <= UINT8_MAX);
  const std::string compressed =
      entry.substr(5 + header_bytes, entry.size() - 5 - header_bytes - kHashBytes);
  std::string body(ZSTD_getFrameContentSize(compressed.data(), compressed.size()), '\0');
  ZSTD_decompress(body.data(), body.size(), compressed.data(), compressed.size());

  seeds.push_back({name + "_raw", '\0' + entry});
  seeds.push_back({name + "_hashed", static_cast<char>(kHashedBit) + entry});
  seeds.push_back({name + "_packed",
                   std::string{static_cast<char>(kPackedBit), static_cast<char>(header.size())} +
                       header + body});
  seeds.push_back({name + "_packed_fast", std::string{static_cast<char>(kPackedBit | kFastBit),
                                                      static_cast<char>(header.size())} +
                                              header + body});
}

// A frame whose few bytes claim `count` changes in `body_bytes` zeros.
std::string Zeros(Compression how, uint32_t count, uint32_t body_bytes,
                  const std::string& compressed) {
  wire::FrameHeader header;
  header.set_log_id(std::string(16, 'i'));
  header.set_count(count);
  header.set_body_bytes(body_bytes);
  return Entry(how, header.SerializeAsString(), compressed);
}

// Fail when memory is taken for what a frame claims: its length, which zstd repeats without having
// any content behind it, or its number of changes.
void AddHostileSeeds(std::vector<Seed>& seeds) {
  const std::string magic("\x28\xb5\x2f\xfd\xa0", 5);  // one segment, its length in 4 bytes
  const std::string nothing = magic + Number32(kFrameBytesMax) + std::string("\x01\0\0", 3);
  seeds.push_back(
      {"hostile_length", '\0' + Zeros(Compression::kSmall, 1, kFrameBytesMax, nothing)});
  seeds.push_back({"hostile_length_fast",
                   '\0' + Zeros(Compression::kFast, 1, kFrameBytesMax, std::string(20, '\xff'))});
  const std::string zeros(2u << 20, '\0');
  const auto bytes = static_cast<uint32_t>(zeros.size());
  for (const Compression how : {Compression::kSmall, Compression::kFast}) {
    seeds.push_back({how == Compression::kFast ? "hostile_count_fast" : "hostile_count",
                     '\0' + Zeros(how, bytes / 4, bytes, Compressed(how, zeros))});
  }
}

}  // namespace

std::vector<Seed> Seeds() {
  std::vector<Seed> seeds;
  FrameHeader header = SampleHeader();
  AddSeeds("format_md", FormatExample("### Value"), seeds);
  AddSeeds("types", EncodeFrame(header, OneOfEachType()), seeds);
  header.closes_cut = true;
  AddSeeds("operations", EncodeFrame(header, OneOfEachOperation()), seeds);
  const std::string fast = EncodeFrame(header, OneOfEachOperation(), Compression::kFast);
  seeds.push_back({"operations_fast_raw", '\0' + fast});
  seeds.push_back({"operations_fast_hashed", static_cast<char>(kHashedBit) + fast});
  header.schemas.clear();
  header.cursor.clear();
  AddSeeds("mark", EncodeFrame(header, {OneOfEachOperation().back()}), seeds);
  Change repetitive;
  repetitive.row.Append(ValueView::Text(std::string(300, 'x')));
  header.schemas = {11};
  AddSeeds("rows", EncodeFrame(header, RowsOfTheTable()), seeds);
  AddSeeds("compressible", EncodeFrame(header, {repetitive, repetitive, repetitive}), seeds);
  AddHostileSeeds(seeds);
  return seeds;
}

}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  syncline::fuzz::Try(syncline::fuzz::EntryOf(input));
  return 0;
}
