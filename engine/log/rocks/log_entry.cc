#include "engine/log/rocks/log_entry.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "engine/base/error.h"
#include "engine/log/log_damage.h"
#include "engine/log/store/layout.h"

namespace syncline {
namespace {

// Damage that `body` finds in the frame at `base` names the offset, and the ways out.
template <typename Body>
auto InFrame(Offset base, Body&& body) {
  try {
    return body();
  } catch (Error& error) {
    error.AddContext(fmt::format("the frame at offset {}", base.value()));
    if (error.hint().empty()) throw LogDamage(error.message());
    throw;
  }
}

}  // namespace

EncodedFrame OpenEntry(std::string_view key, std::string_view value, const LogInfo& info) {
  const std::optional<Offset> base = layout::ParseFrameKey(key);
  if (!base) throw LogDamage("the log holds a key that is no frame's");
  return InFrame(*base, [&] {
    EncodedFrame entry(value);
    if (entry.header().base != *base) throw LogDamage("it says that it is another");
    if (entry.header().log_id != info.id) throw LogDamage("it is another log's");
    return entry;
  });
}

Frame DecodeEntry(EncodedFrame entry, EncodedFrame::Tables tables) {
  return InFrame(entry.header().base, [&] { return std::move(entry).Decode(std::move(tables)); });
}

Frame DecodeEntry(EncodedFrame entry) {
  return InFrame(entry.header().base, [&] { return std::move(entry).Decode(); });
}

}  // namespace syncline
