// Holds the worked example of engine/log/FORMAT.md against the code.
#include <gtest/gtest.h>

#include <string>

#include "engine/log/store/layout.h"
#include "format_dump.h"
#include "sample_rows.h"

namespace syncline {
namespace {

constexpr char kLogId[] = "00112233-4455-4677-8899-aabbccddeeff";

TableSchema ExampleTable() {
  return {.table = {"public", "items"},
          .dialect = Dialect::kPostgres,
          .columns = {{"id", Type::kInt, "bigint", false},
                      {"name", Type::kText, "text", true},
                      {"updated_at", Type::kTimestampTz, "timestamptz", false}},
          .key = {0},
          .cursor = 2};
}

std::vector<Change> ExampleChanges() {
  return {{.op = Op::kUpsert, .row = Item(7, "käse", 1'000'000), .version = Stamp(1'000'000)},
          {.op = Op::kDelete,
           .row = ItemKey(8),
           .version = Stamp(2'000'000),
           .previous = Stamp(1'500'000)}};
}

FrameHeader ExampleHeader() {
  FrameHeader header{.log_id = LogId::Parse(kLogId),
                     .epoch = 1,
                     .base = Offset(258),
                     .previous_hash = 0x0123456789abcdef,
                     .written_at = WallTime(Microseconds(1'800'000'000'000'000)),
                     .closes_cut = true};
  header.schemas = {ExampleTable().id()};
  header.cursor = "c1";
  return header;
}

std::string ReadDump(const std::string& heading) { return ReadFormatDump(FORMAT_MD, heading); }

std::string Dump(const std::string& bytes) {
  std::string out;
  char text[32];
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i % 16 == 0) std::snprintf(text, sizeof text, "\n%04zx ", i), out += text;
    std::snprintf(text, sizeof text, " %02x", static_cast<uint8_t>(bytes[i]));
    out += text;
  }
  return out;
}

TEST(FormatTest, TheWorkedExampleIsWhatTheCodeWrites) {
  FrameHeader header = ExampleHeader();
  const std::string entry = EncodeFrame(header, ExampleChanges());
  EXPECT_EQ(Dump(ReadDump("### Value")), Dump(entry));
  EXPECT_EQ(Dump(ReadDump("### Key")), Dump(layout::FrameKey(header.base)));
  EXPECT_EQ(Dump(ReadDump("### Schema")), Dump(EncodeSchema(ExampleTable())));
}

TEST(FormatTest, TheWorkedExampleIsRead) {
  const Frame frame = DecodeFrame(ReadDump("### Value"));
  FrameHeader header = ExampleHeader();
  EncodeFrame(header, ExampleChanges());
  EXPECT_EQ(frame.header, header);
  EXPECT_EQ(frame.changes, ExampleChanges());
  EXPECT_EQ(DecodeSchema(ReadDump("### Schema")), ExampleTable());
}

TEST(FormatTest, ALayoutOfAnotherVersionIsRefused) {
  const LogInfo info{LogId::Parse(kLogId), 1, kSource};
  std::string meta = layout::EncodeMeta(info);
  EXPECT_EQ(layout::DecodeMeta(meta).id, info.id);
  const size_t at = meta.find("\"format\":1");
  ASSERT_NE(at, std::string::npos);
  meta.replace(at, 10, "\"format\":2");
  const Error error = ErrorOf([&] { layout::DecodeMeta(meta); });
  EXPECT_EQ(error.reaction(), Reaction::kStop);
  EXPECT_FALSE(error.hint().empty());
  EXPECT_EQ(ErrorOf([] { layout::DecodeMeta("{}"); }).exit_code(), 4);
  EXPECT_EQ(ErrorOf([] { layout::DecodeMeta("nonsense"); }).exit_code(), 4);
}

}  // namespace
}  // namespace syncline
