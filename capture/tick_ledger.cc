#include "capture/tick_ledger.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "engine/base/check.h"
#include "engine/base/error.h"

namespace syncline::capture {
namespace {

uint64_t TakeNumber(std::string_view& text, char until) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  auto [at, error] = std::from_chars(text.data(), end, number);
  const bool ends_well = until == '\0' ? at == end || *at == ',' : at != end && *at == until;
  if (error != std::errc() || !ends_well) {
    throw DamageError("the server sent a snapshot that cannot be read");
  }
  text.remove_prefix(std::min<size_t>(at - text.data() + 1, text.size()));
  return number;
}

}  // namespace

Snapshot Snapshot::Parse(const std::string& text) {
  std::string_view rest = text;
  Snapshot snapshot;
  snapshot.xmin = TakeNumber(rest, ':');
  snapshot.xmax = TakeNumber(rest, ':');
  while (!rest.empty()) snapshot.running.insert(TakeNumber(rest, '\0'));
  return snapshot;
}

bool Snapshot::Sees(uint32_t xid) const {
  // The 64-bit id nearest to xmax that ends in these 32 bits: ids compare modulo 2^32 on the
  // server.
  const uint64_t full = xmax + static_cast<int32_t>(xid - static_cast<uint32_t>(xmax));
  if (full < xmin) return true;
  return full < xmax && !running.contains(full);
}

uint64_t TickLedger::Advance(const ServerView& view, std::map<std::string, int64_t> marks) {
  const bool restarted = last != 0 && view.started_us != server_started_us;
  // A server can also lose its sessions without a new start time (a backend crashed), but not
  // without ending ours. Then a virtual id may be an old transaction or a new one: both are
  // assumed.
  const bool ids_are_certain = view.same_session && !restarted;
  const bool clock_went_back = last != 0 && view.clock_us < ticks.at(last).clock_us;

  auto seen = [&](const TransactionName& name) {
    if (IsPrepared(name)) return view.snapshot.Sees(std::stoul(name.substr(1)));
    auto xid = view.xids.find(name);
    return xid != view.xids.end() && view.snapshot.Sees(xid->second);
  };
  // A commit becomes visible a moment before the transaction leaves the lock table.
  auto ended = [&](const TransactionName& name) {
    if (!IsPrepared(name) && !ids_are_certain) return true;
    return !view.after.contains(name) || seen(name);
  };

  uint64_t reach = last;
  uint64_t newly_prepared = last;  // it may be any virtual one that has left the lock table
  for (const auto& [name, tick] : running) {
    if (!ended(name)) continue;
    reach = std::min(reach, tick);
    if (!IsPrepared(name)) newly_prepared = std::min(newly_prepared, tick);
  }

  std::map<TransactionName, uint64_t> still;
  for (const TransactionName& name : view.before) {
    if (seen(name)) continue;  // all of it is in this snapshot
    auto known = running.find(name);
    const bool the_same = known != running.end() && (IsPrepared(name) || !restarted);
    still[name] = clock_went_back ? 0
                  : the_same      ? known->second
                                  : (IsPrepared(name) ? newly_prepared : last);
  }
  // Stamps made since a step of the clock can lie anywhere above it, and where it was set to is
  // unknown.
  if (clock_went_back) reach = 0;

  ++last;
  ticks[last] = Tick{view.clock_us, std::move(marks)};
  server_started_us = view.started_us;
  running = std::move(still);
  std::set<uint64_t> used{last};
  for (const auto& [name, tick] : running) used.insert(tick);
  std::erase_if(ticks, [&](const auto& entry) { return !used.contains(entry.first); });
  return reach;
}

}  // namespace syncline::capture
