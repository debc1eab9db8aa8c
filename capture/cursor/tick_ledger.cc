#include "capture/cursor/tick_ledger.h"

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

uint32_t XidOf(const TransactionName& prepared) {
  return static_cast<uint32_t>(std::stoul(prepared.substr(1)));
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
  // After a failover the stamps come from another machine's clock, which may be behind the one that
  // made the ticks.
  const bool other_machine = view.timeline != 0 && view.timeline != timeline;
  const bool clock_went_back =
      last != 0 && (view.clock_us < ticks.at(last).clock_us || other_machine);

  auto seen = [&](const TransactionName& name) {
    if (IsPrepared(name)) return view.snapshot.Sees(XidOf(name));
    auto xid = view.xids.find(name);
    return xid != view.xids.end() && view.snapshot.Sees(xid->second);
  };
  // A commit becomes visible a moment before the transaction leaves the lock table.
  auto ended = [&](const TransactionName& name) {
    if (!IsPrepared(name) && !ids_are_certain) return true;
    return !view.after.contains(name) || seen(name);
  };

  // A transaction is listed as prepared before it leaves the lock table, and its xid changes hands
  // in between. So one that was not listed before may be any virtual one that is not known by
  // another xid.
  auto may_have_become = [&](const TransactionName& name, uint32_t prepared_xid) {
    auto xid = view.xids.find(name);
    return ended(name) || xid == view.xids.end() || xid->second == prepared_xid;
  };
  auto began_after = [&](const TransactionName& name) {
    auto known = running.find(name);
    if (known != running.end() && (IsPrepared(name) || !restarted)) return known->second;
    uint64_t tick = last;
    if (!IsPrepared(name)) return tick;
    for (const auto& [other, its_tick] : running) {
      if (!IsPrepared(other) && may_have_become(other, XidOf(name)))
        tick = std::min(tick, its_tick);
    }
    return tick;
  };

  uint64_t reach = last;
  for (const auto& [name, tick] : running) {
    if (ended(name)) reach = std::min(reach, tick);
  }
  std::map<TransactionName, uint64_t> still;
  for (const TransactionName& name : view.before) {
    if (seen(name)) continue;  // all of it is in this snapshot
    still[name] = clock_went_back ? 0 : began_after(name);
  }
  // Stamps made since a step of the clock can lie anywhere above it, and where it was set to is
  // unknown.
  // A crash with asynchronous commits takes back what the log holds already, and hands out ids and
  // numbers again.
  if (clock_went_back || view.recovered_us != recovered_us) reach = 0;

  ++last;
  ticks[last] = Tick{view.clock_us, std::move(marks)};
  server_started_us = view.started_us;
  recovered_us = view.recovered_us;
  if (view.timeline != 0) timeline = view.timeline;
  snapshot_xmin = view.snapshot.xmin;
  running = std::move(still);
  std::set<uint64_t> used{last};
  for (const auto& [name, tick] : running) used.insert(tick);
  std::erase_if(ticks, [&](const auto& entry) { return !used.contains(entry.first); });
  return reach;
}

}  // namespace syncline::capture
