#pragma once

#include <string>
#include <string_view>

namespace syncline {

// A cursor as what changed since another one. The bytes are anybody's; cursors that consist of
// lines, most of which stay as they are and where they are, give a delta as long as the lines that
// change. FORMAT.md in engine/log describes it.

// What makes `after` of `before`.
std::string MakeCursorDelta(std::string_view before, std::string_view after);

// What `delta` makes of `before`; not longer than both together. Throws DamageError when `delta` is
// not a delta of those bytes.
std::string ApplyCursorDelta(std::string_view before, std::string_view delta);

}  // namespace syncline
