#pragma once

#include <string_view>

#include "engine/log/log_info.h"
#include "engine/model/frame.h"

namespace syncline {

// One frame out of its key and value in the store, checked to be that log's frame for that offset;
// its changes are not read yet. Borrows the value. Throws DamageError with the offset. Private to
// engine/log, as all here; pure.
EncodedFrame OpenEntry(std::string_view key, std::string_view value, const LogInfo& info);
// With its changes, whose rows are held against `tables`, those of its schemas. Throws DamageError
// with the offset.
Frame DecodeEntry(EncodedFrame entry, EncodedFrame::Tables tables);
// The same without tables: for a frame whose rows are not used.
Frame DecodeEntry(EncodedFrame entry);

}  // namespace syncline
