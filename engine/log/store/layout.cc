#include "engine/log/store/layout.h"

#include <fmt/format.h>
#include <rocksdb/iterator.h>

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/log/big_endian.h"
#include "engine/log/log_damage.h"
#include "engine/log/store/rocks_status.h"

namespace syncline::layout {
namespace {

constexpr size_t kKeyNumberBytes = 8;

std::string Key(std::string_view prefix, uint64_t number) {
  std::string key(prefix);
  AppendBigEndian64(key, number);
  return key;
}

}  // namespace

std::string FrameKey(Offset base) { return Key("", base.value()); }
std::string MetaKey(uint64_t epoch) { return Key(kMetaPrefix, epoch); }
std::string SchemaKey(SchemaId id) { return Key(kSchemaPrefix, id); }

std::optional<Offset> ParseFrameKey(std::string_view key) {
  if (key.size() != kKeyNumberBytes || key >= kAfterFrames) return {};
  return Offset(ReadBigEndian64(key.data()));
}

std::optional<SchemaId> ParseSchemaKey(std::string_view key) {
  if (!key.starts_with(kSchemaPrefix) || key.size() != kSchemaPrefix.size() + kKeyNumberBytes) {
    return {};
  }
  return ReadBigEndian64(key.data() + kSchemaPrefix.size());
}

TableSchema DecodeSchemaRecord(SchemaId id, std::string_view bytes) {
  const std::string name = fmt::format("the schema {:016x}", id);
  try {
    TableSchema schema = DecodeSchema(bytes);
    if (schema.id() != id) throw LogDamage("it is not what its name says");
    return schema;
  } catch (const Error& error) {
    throw LogDamage(name + ": " + error.message());
  }
}

// JSON, because it is read by people who look at a log with RocksDB's own tools.
std::string EncodeMeta(const LogInfo& info) {
  const auto begins = info.begins.find(info.epoch);
  return Json{{"begins", begins == info.begins.end() ? 0 : begins->second.value()},
              {"epoch", info.epoch},
              {"format", kLogFormat},
              {"log_id", info.id.ToString()},
              {"source", info.source}}
      .dump();
}

LogInfo DecodeMeta(std::string_view bytes) {
  const Json meta = Json::parse_or_null(bytes);
  const Json* format = meta.find("format");
  if (!format || !format->is_number_integer()) {
    throw LogDamage("the log's meta record cannot be read");
  }
  if (!(*format == Json(kLogFormat))) {
    throw StopError("the log has layout " + format->dump() + ", this program knows " +
                        std::to_string(kLogFormat),
                    "use the version of syncline that wrote it, or a newer one");
  }
  try {
    if (!meta.at("epoch").is_number_unsigned()) throw LogDamage("the log's epoch is no number");
    const auto epoch = meta.at("epoch").get<uint64_t>();
    if (epoch > kEpochMax) throw LogDamage("the log's epoch is beyond all epochs");
    const Json begins = meta.value("begins", Json(0));
    if (!begins.is_number_unsigned()) throw LogDamage("the begin of the log's epoch is no number");
    return {LogId::Parse(meta.at("log_id").get<std::string>()),
            epoch,
            meta.at("source").get<std::string>(),
            {{epoch, Offset(begins.get<uint64_t>())}}};
  } catch (const JsonError&) {
    throw LogDamage("the log's meta record lacks a field");
  }
}

std::optional<LogInfo> ReadMeta(rocksdb::Iterator& iterator) {
  std::optional<LogInfo> info;
  for (iterator.Seek(rocksdb::Slice(kMetaPrefix));
       iterator.Valid() && iterator.key().starts_with(rocksdb::Slice(kMetaPrefix));
       iterator.Next()) {
    LogInfo later = DecodeMeta(iterator.value().ToStringView());
    if (info) later.begins.merge(info->begins);
    info = std::move(later);
  }
  ThrowIfBad(iterator.status(), "reading the log's meta record");
  return info;
}

}  // namespace syncline::layout
