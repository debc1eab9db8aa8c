#include "engine/log/store/base_layout.h"

#include "engine/base/json.h"
#include "engine/log/big_endian.h"
#include "engine/log/log_damage.h"
#include "engine/log/ordered_key.h"
#include "engine/model/checksum.h"
#include "engine/model/stamp.h"

namespace syncline::base {
namespace {

constexpr size_t kBaseNumberBytes = 8;
// Schema id, offset, operation, length of the versions.
constexpr size_t kEntryHeadBytes = 2 * kBaseNumberBytes + 1 + kBaseNumberBytes;
// A row and two versions, each no longer than a frame.
constexpr size_t kEntryBytesMax = 4 * size_t{kFrameBytesMax};
// In the byte of the operation: behind the head stand the clock's time and origin.
constexpr uint8_t kBaseClockFlag = 0x80;

Error CutOff() { return LogDamage("an entry of the log's base is cut off"); }

Row RowOf(std::string_view bytes) {
  try {
    return Row::FromBytes(std::string(bytes));
  } catch (const Error& error) {
    throw LogDamage("an entry of the log's base: " + error.message());
  }
}

Fingerprint ChecksumOf(std::string_view key, std::string_view value) {
  std::string whole;
  layout::AppendBigEndian64(whole, key.size());
  whole += key;
  whole += value;
  return Checksum128(whole);
}

}  // namespace

std::string EntryKey(const TableName& table, const Row& key) {
  std::string text(1, kEntryPrefix);
  AppendOrdered(ValueView::Text(table.schema), text);
  AppendOrdered(ValueView::Text(table.name), text);
  for (const ValueView value : key) AppendOrdered(value, text);
  return text;
}

std::string DeletionKey(Offset offset) {
  std::string text(1, kDeletionPrefix);
  layout::AppendBigEndian64(text, offset.value());
  return text;
}

std::optional<Offset> ParseDeletionKey(std::string_view key) {
  if (key.size() != 1 + kBaseNumberBytes || key[0] != kDeletionPrefix) return {};
  return Offset(layout::ReadBigEndian64(key.data() + 1));
}

std::string EncodeRecord(const Record& record) {
  const BaseInfo& info = record.info;
  return Json{{"as_of", info.as_of.value()},
              {"cut_open", info.cut_open},
              {"deletions_from", info.deletions_from.value()},
              {"digest", {record.digest.high, record.digest.low}},
              {"entries", info.entries},
              {"hash", info.hash},
              {"written_at", info.written_at.time_since_epoch().count()}}
      .dump();
}

Record DecodeRecord(std::string_view bytes) {
  const Json json = Json::parse_or_null(bytes);
  // A number of another kind would be converted, whether it fits or not.
  const auto number = [](const Json& field) {
    if (!field.is_number_unsigned())
      throw LogDamage("a number in the record of the log's base is none");
    return field.get<uint64_t>();
  };
  try {
    if (!json.at("written_at").is_number_integer())
      throw LogDamage("the time in the record of the log's base is none");
    Record record;
    record.info = {.as_of = Offset(number(json.at("as_of"))),
                   .hash = number(json.at("hash")),
                   .written_at = WallTime(Microseconds(json.at("written_at").get<int64_t>())),
                   .cut_open = json.at("cut_open").get<bool>(),
                   .deletions_from = Offset(number(json.at("deletions_from"))),
                   .entries = number(json.at("entries"))};
    if (record.info.as_of > kOffsetsEnd || record.info.deletions_from > kOffsetsEnd)
      throw LogDamage("the log's base ends beyond all offsets");
    if (!IsWriteTime(record.info.written_at))
      throw LogDamage("the log's base was written at a time that no clock shows");
    record.digest = {number(json.at("digest").at(0)), number(json.at("digest").at(1))};
    return record;
  } catch (const JsonError&) {
    throw LogDamage("the record of the log's base cannot be read");
  }
}

std::string EncodeEntry(const StoredEntry& stored) {
  const BaseEntry& entry = stored.entry;
  Row versions;
  versions.Append(entry.version);
  if (entry.highest_before) versions.Append(*entry.highest_before);
  std::string bytes;
  layout::AppendBigEndian64(bytes, stored.schema);
  layout::AppendBigEndian64(bytes, entry.offset.value());
  const uint8_t flag = entry.lineage ? kBaseClockFlag : 0;
  bytes += static_cast<char>(static_cast<uint8_t>(entry.op) | flag);
  layout::AppendBigEndian64(bytes, versions.bytes().size());
  if (entry.lineage) {
    layout::AppendBigEndian64(bytes, static_cast<uint64_t>(entry.lineage->clock.time));
    layout::AppendBigEndian64(bytes, entry.lineage->clock.origin);
  }
  bytes += versions.bytes();
  bytes += entry.row.bytes();
  return bytes;
}

StoredEntry DecodeEntry(std::string_view bytes) {
  if (bytes.size() < kEntryHeadBytes) throw CutOff();
  if (bytes.size() > kEntryBytesMax) throw LogDamage("an entry of the log's base has no end");
  StoredEntry stored;
  BaseEntry& entry = stored.entry;
  stored.schema = layout::ReadBigEndian64(bytes.data());
  entry.offset = Offset(layout::ReadBigEndian64(bytes.data() + kBaseNumberBytes));
  const auto op = static_cast<uint8_t>(bytes[2 * kBaseNumberBytes]);
  entry.op = static_cast<Op>(op & ~kBaseClockFlag);
  if (entry.op != Op::kUpsert && entry.op != Op::kDelete) {
    throw LogDamage("an entry of the log's base has no known operation");
  }
  const uint64_t version_bytes = layout::ReadBigEndian64(bytes.data() + 2 * kBaseNumberBytes + 1);
  bytes.remove_prefix(kEntryHeadBytes);
  if ((op & kBaseClockFlag) != 0) {
    if (bytes.size() < 2 * kBaseNumberBytes) throw CutOff();
    entry.lineage = Lineage{{static_cast<int64_t>(layout::ReadBigEndian64(bytes.data())),
                             layout::ReadBigEndian64(bytes.data() + kBaseNumberBytes)}};
    if (!IsClock(entry.lineage->clock)) throw LogDamage("an entry of the log's base has no clock");
    bytes.remove_prefix(2 * kBaseNumberBytes);
  }
  if (version_bytes > bytes.size()) throw CutOff();
  const Row versions = RowOf(bytes.substr(0, version_bytes));
  if (versions.size() != 1 && versions.size() != 2) throw CutOff();
  entry.version = Value(versions[0]);
  if (versions.size() == 2) entry.highest_before = Value(versions[1]);
  entry.row = RowOf(bytes.substr(version_bytes));
  return stored;
}

void Count(std::string_view key, std::string_view value, Record& record) {
  const Fingerprint sum = ChecksumOf(key, value);
  ++record.info.entries;
  record.digest.high += sum.high;
  record.digest.low += sum.low;
}

void Uncount(std::string_view key, std::string_view value, Record& record) {
  const Fingerprint sum = ChecksumOf(key, value);
  --record.info.entries;
  record.digest.high -= sum.high;
  record.digest.low -= sum.low;
}

StoredEntry Follow(const std::optional<StoredEntry>& before, SchemaId schema, const Change& change,
                   Offset offset) {
  StoredEntry after{.schema = schema};
  after.entry.offset = offset;
  after.entry.op = change.op;
  after.entry.row = change.row;
  after.entry.version = change.version;
  if (change.lineage) after.entry.lineage = Lineage{change.lineage->clock};
  if (!before) return after;
  std::optional<Value>& highest = after.entry.highest_before;
  highest = before->entry.highest_before;
  if (!highest || CompareStamps(*highest, before->entry.version) < 0) {
    highest = before->entry.version;
  }
  return after;
}

}  // namespace syncline::base
