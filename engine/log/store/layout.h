#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/offset.h"
#include "engine/log/log_info.h"
#include "engine/model/schema.h"

namespace rocksdb {
class Iterator;
}

// Where things lie in the log's store: the keys of its two column families and the meta record.
// FORMAT.md is the prose. Private to engine/log.
namespace syncline::layout {

// The layout described here; a program refuses a log of another one.
inline constexpr int kLogFormat = 1;

// The column families beside the default one: private to the writer; the folded frames.
inline constexpr char kIndexFamily[] = "index";
inline constexpr char kBaseFamily[] = "base";
// What is not an entry of a row stands in there under table id 0.
inline constexpr std::string_view kIndexStatePrefix("\0\0\0\0", 4);

// Default column family: frames sort first, by offset; then meta records, then schemas.
std::string FrameKey(Offset base);
std::string MetaKey(uint64_t epoch);
std::string SchemaKey(SchemaId id);
// Sorts after every frame and before everything else.
inline constexpr std::string_view kAfterFrames = "\x80";
inline constexpr std::string_view kMetaPrefix =
    "\xff"
    "m";
inline constexpr std::string_view kSchemaPrefix =
    "\xff"
    "s";
// What PreparedAppends::Prepare keeps: length (8 bytes) and bytes of name and token, then an entry.
inline constexpr std::string_view kPreparedKey =
    "\xff"
    "p";
// Then the name; the token.
inline constexpr std::string_view kAppliedPrefix =
    "\xff"
    "a";

// The offset that a key of a frame stands for; nothing if it is not such a key.
std::optional<Offset> ParseFrameKey(std::string_view key);
// The schema id that a schema's key stands for; nothing if it is not such a key.
std::optional<SchemaId> ParseSchemaKey(std::string_view key);

// The schema that is stored under that id. Throws DamageError when it is another one or none.
TableSchema DecodeSchemaRecord(SchemaId id, std::string_view bytes);

// Of the info's own epoch.
std::string EncodeMeta(const LogInfo& info);
// Throws DamageError when the bytes are not a meta record, StopError when they are of another
// layout.
LogInfo DecodeMeta(std::string_view bytes);
// The meta record of the latest epoch as `iterator` sees it, with what the older ones say about
// where their epochs began; nothing if there is none. Throws as DecodeMeta, and what ToError makes
// of a bad status.
std::optional<LogInfo> ReadMeta(rocksdb::Iterator& iterator);

}  // namespace syncline::layout
