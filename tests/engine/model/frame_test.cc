#include "engine/model/frame.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>

#include "engine/base/error.h"
#include "engine/model/checksum.h"
#include "frame.pb.h"

namespace syncline {
namespace {

Change Upsert(int64_t id, std::string_view text) {
  Change change;
  change.table = static_cast<uint32_t>(id % 2);
  change.row.Append(ValueView::Int(id));
  change.row.Append(ValueView::Text(text));
  change.version = Value(ValueView::TimestampTz(id * 1000));
  if (id % 3 == 0) change.previous = Value(ValueView::TimestampTz(id * 1000 - 7));
  return change;
}

FrameHeader Header() {
  FrameHeader header;
  header.log_id = LogId::Random();
  header.epoch = 3;
  header.base = Offset(1'000'000'000'000);
  header.previous_hash = 0x1122334455667788;
  header.written_at = WallTime(Microseconds(1'780'000'000'000'000));
  header.closes_cut = true;
  header.schemas = {11, 22};
  header.cursor = "{\"clock\": 1}";
  return header;
}

std::vector<Change> Changes(int count) {
  std::vector<Change> changes;
  for (int i = 0; i < count; ++i) changes.push_back(Upsert(i, "text " + std::to_string(i)));
  Change deletion;
  deletion.op = Op::kDelete;
  deletion.table = 1;
  deletion.row.Append(ValueView::Int(5));
  deletion.version = Value(ValueView::TimestampTz(9));
  deletion.previous = Value();  // a state whose version was NULL is not the same as no state
  changes.push_back(deletion);
  Change mark;
  mark.op = Op::kMark;
  changes.push_back(mark);
  return changes;
}

class FrameTest : public testing::TestWithParam<Compression> {};
INSTANTIATE_TEST_SUITE_P(EachCompression, FrameTest,
                         testing::Values(Compression::kSmall, Compression::kFast),
                         [](const auto& info) {
                           return info.param == Compression::kFast ? "Fast" : "Small";
                         });

TEST_P(FrameTest, GivesBackWhatWasEncoded) {
  FrameHeader header = Header();
  const std::vector<Change> changes = Changes(100);
  const std::string entry = EncodeFrame(header, changes, GetParam());
  EXPECT_EQ(header.count, 102u);
  EXPECT_NE(header.hash, 0u);
  EXPECT_EQ(DecodeFrameHeader(entry), header);
  const Frame frame = DecodeFrame(entry);
  EXPECT_EQ(frame.header, header);
  EXPECT_EQ(frame.changes, changes);
  EXPECT_EQ(frame.header.end(), Offset(1'000'000'000'102));
}

// Fails when an encoder's memory, used again, shows through, or is too small for the longer frame.
TEST_P(FrameTest, AnEncoderMakesOneFrameAfterTheOther) {
  FrameEncoder encoder;
  for (const int count : {100, 3, 2000}) {
    FrameHeader header = Header();
    std::vector<Change> changes = Changes(count);
    changes.front().version = Value(ValueView::Text(std::string(100 * count, 'v')));
    changes.front().previous = Value(ValueView::Text(std::string(70 * count, 'p')));
    const Frame frame = DecodeFrame(encoder.Encode(header, changes, GetParam()));
    EXPECT_EQ(frame.header, header);
    EXPECT_EQ(frame.changes, changes);
  }
}

// Fails when the hash does not cover every byte: a single bit anywhere must be found.
TEST_P(FrameTest, EveryFlippedBitIsDamage) {
  FrameHeader header = Header();
  const std::string entry = EncodeFrame(header, Changes(3), GetParam());
  for (size_t bit = 0; bit < entry.size() * 8; ++bit) {
    std::string flipped = entry;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    try {
      DecodeFrame(flipped);
      ADD_FAILURE() << "bit " << bit << " went unnoticed";
    } catch (const Error& error) {
      EXPECT_EQ(error.reaction(), Reaction::kDamage);
    }
  }
  for (size_t size = 0; size < entry.size(); ++size) {
    EXPECT_THROW(DecodeFrame(entry.substr(0, size)), Error) << size;
  }
}

// The first table that a frame does not name is one too many already. Seen to fail, by reading
// behind the list, when only a table beyond that one is refused.
TEST(FrameFormatTest, AChangeOfATableThatIsNotNamedIsDamage) {
  for (const uint32_t table : {2u, 3u}) {
    FrameHeader header = Header();
    Change change = Upsert(0, "text");
    change.table = table;
    const std::string entry = EncodeFrame(header, {change});
    const auto schema = std::make_shared<TableSchema>();
    schema->table = {"public", "items"};
    schema->columns = {{"id", Type::kInt, "bigint", false}, {"text", Type::kText, "text", true}};
    schema->key = {0};
    for (const bool with_schemas : {false, true}) {
      try {
        EncodedFrame encoded(entry);
        with_schemas ? std::move(encoded).Decode({schema, schema}) : std::move(encoded).Decode();
        FAIL() << table;
      } catch (const Error& error) {
        EXPECT_EQ(error.reaction(), Reaction::kDamage);
        EXPECT_NE(error.message().find("table that its frame does not name"), std::string::npos)
            << error.message();
      }
    }
  }
}

// The entry with another header, and the hash that belongs to it.
std::string WithHeader(const std::string& entry,
                       const std::function<void(wire::FrameHeader&)>& change) {
  constexpr size_t kNumber = 1, kHash = 8;
  uint32_t bytes;
  std::memcpy(&bytes, entry.data() + kNumber, sizeof bytes);
  const size_t body = kNumber + sizeof bytes + bytes;
  wire::FrameHeader header;
  EXPECT_TRUE(header.ParseFromString(entry.substr(kNumber + sizeof bytes, bytes)));
  change(header);
  const std::string head = header.SerializeAsString();
  bytes = static_cast<uint32_t>(head.size());
  std::string changed = entry.substr(0, kNumber);
  changed.append(reinterpret_cast<const char*>(&bytes), sizeof bytes);
  changed += head + entry.substr(body, entry.size() - body - kHash);
  const uint64_t hash = Checksum64(changed);
  return changed.append(reinterpret_cast<const char*>(&hash), sizeof hash);
}

// Fails for each when it is not asked: the hash is right.
TEST(FrameFormatTest, AHeaderThatItsBodyDoesNotBearOutIsDamage) {
  FrameHeader header = Header();
  const std::string entry = EncodeFrame(header, Changes(10));
  const auto refused = [&](const std::function<void(wire::FrameHeader&)>& change) {
    try {
      DecodeFrame(WithHeader(entry, change));
      return std::string("read");
    } catch (const Error& error) {
      EXPECT_EQ(error.reaction(), Reaction::kDamage);
      return error.message();
    }
  };
  EXPECT_EQ(refused([](wire::FrameHeader&) {}), "read");
  for (const uint32_t count : {13u, 40u}) {
    EXPECT_NE(refused([&](auto& in) { in.set_count(count); }).find("holds fewer changes"),
              std::string::npos);
  }
  EXPECT_NE(refused([](auto& in) { in.set_count(11); }).find("holds more changes"),
            std::string::npos);
  EXPECT_NE(refused([](auto& in) { in.set_count(0); }), "read");
  EXPECT_NE(refused([](auto& in) { in.set_body_bytes(in.body_bytes() + 1); }), "read");
  EXPECT_NE(refused([](auto& in) { in.set_body_bytes(in.body_bytes() - 1); }), "read");
  EXPECT_NE(refused([](auto& in) { in.set_log_id("short"); }), "read");
  EXPECT_NE(refused([](auto& in) { in.set_base(UINT64_MAX); }), "read");
  EXPECT_NE(refused([](auto& in) { in.set_written_at_us(INT64_MAX); }), "read");
  EXPECT_NE(refused([](auto& in) { in.mutable_packed_cursor(); }), "read");
}

TEST(FrameFormatTest, AnUnknownFormatVersionIsNamed) {
  FrameHeader header = Header();
  std::string entry = EncodeFrame(header, Changes(1));
  entry[0] = 9;
  try {
    DecodeFrame(entry);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("format version 9"), std::string::npos) << error.message();
  }
}

TEST(LogIdTest, IsAUuidAndReadsBack) {
  const LogId id = LogId::Random();
  EXPECT_EQ(LogId::Parse(id.ToString()), id);
  EXPECT_NE(LogId::Random(), id);
  EXPECT_EQ(id.ToString().size(), 36u);
  EXPECT_EQ(id.ToString()[14], '4');
  EXPECT_THROW(LogId::Parse("no"), Error);
}

}  // namespace
}  // namespace syncline
