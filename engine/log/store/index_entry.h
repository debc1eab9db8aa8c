#pragma once

#include <string>
#include <string_view>

#include "engine/log/key_index.h"

// The bytes of an IndexEntry: fingerprint (16), offset (8), flags (1; bit 0: deleted, bit 1: there
// is a clock), the clock's time and origin (8 and 8) if there is one, then the version as an
// encoded Row of one value. Private to engine/log.
namespace syncline::index_entry {

// Appends the entry to `out`. `scratch` is a row of the caller's, used for its memory.
void Append(const Fingerprint& fingerprint, Offset offset, const Change& change, Row& scratch,
            std::string& out);

// Throws DamageError.
IndexEntry Decode(std::string_view bytes);

// The part of an entry that names one change of the log: which one it is, and what it says.
inline constexpr size_t kHeadBytes = 16 + 8;
// Of bytes that hold at least a head.
Fingerprint FingerprintOf(std::string_view bytes);
Offset OffsetOf(std::string_view bytes);

}  // namespace syncline::index_entry
