#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/log/base_reader.h"
#include "engine/model/frame.h"
#include "engine/model/row.h"

// What lies in the base family, and how one state follows another there. FORMAT.md is the prose.
// Private to engine/log.
namespace syncline::base {

// What the base says of itself, in the same family as its entries, so that one look sees both.
struct Record {
  BaseInfo info;
  Fingerprint digest;  // the sum of the checksums of all entries, each half by itself
};

inline constexpr char kRecordKey[] = "r";
inline constexpr char kEntryPrefix = 'e';
// Deletions by their offset, to be dropped once nobody needs them.
inline constexpr char kDeletionPrefix = 'd';

std::string EntryKey(const TableName& table, const Row& key);
std::string DeletionKey(Offset offset);
// The offset of a DeletionKey; nothing if it is none.
std::optional<Offset> ParseDeletionKey(std::string_view key);

std::string EncodeRecord(const Record& record);
Record DecodeRecord(std::string_view bytes);  // throws DamageError

// An entry as it is stored; `table` of the result is not set but its id.
struct StoredEntry {
  SchemaId schema = 0;
  BaseEntry entry;
};
std::string EncodeEntry(const StoredEntry& stored);
StoredEntry DecodeEntry(std::string_view bytes);  // throws DamageError

// Puts an entry into the record's count and digest, or takes it out.
void Count(std::string_view key, std::string_view value, Record& record);
void Uncount(std::string_view key, std::string_view value, Record& record);

// The state that comes of `change`, logged at `offset`, on top of `before`.
StoredEntry Follow(const std::optional<StoredEntry>& before, SchemaId schema, const Change& change,
                   Offset offset);

}  // namespace syncline::base
