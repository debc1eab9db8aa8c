#include "tests/capture/simulated_server.h"

#include <algorithm>
#include <string>

namespace syncline::capture {

SimulatedServer::SimulatedServer(uint64_t seed) : random_(seed * 2 + 1) {}

void SimulatedServer::Step() {
  clock_ += 1 + Random(5);
  const int which = Random(static_cast<int>(sessions_.size()) + 1);
  if (which < static_cast<int>(sessions_.size())) {
    Run(sessions_[which]);
  } else {
    StepPrepared();
  }
}

void SimulatedServer::Steps(int most) {
  for (int i = Random(most + 1); i > 0; --i) Step();
}

void SimulatedServer::Run(Session& session) {
  switch (session.phase) {
    case Phase::kIdle:
      ++session.local_id;
      session.began = clock_;
      session.xid = 0;
      session.phase = Phase::kRunning;
      return;
    case Phase::kRunning: {
      const int choice = Random(20);
      if (choice < 8) return;  // idle in transaction
      if (choice < 14 || session.xid == 0) return Write(session);
      if (choice < 16) {
        prepared_.push_back({session.xid, true, false, session.locked});
        session.phase = Phase::kListed;
      } else {
        End(session.xid, choice != 16);
        session.phase = Phase::kEnded;
      }
      return;
    }
    case Phase::kEnded:  // first the virtual id goes, then the xid
      session.phase = Phase::kVirtualGone;
      return;
    case Phase::kListed:  // as prepared; first the xid goes, then the virtual id
      session.phase = Phase::kPrepared;
      return;
    case Phase::kPrepared:
      LetGo(session.xid);
      [[fallthrough]];
    case Phase::kVirtualGone:
      session.locked.clear();
      session.phase = Phase::kIdle;
      return;
  }
}

void SimulatedServer::Write(Session& session) {
  const int key = Random(kKeys);
  if (!session.locked.contains(key) && IsLocked(key)) return;
  if (session.xid == 0) {
    session.xid = next_xid_++;
    in_progress_.insert(session.xid);
  }
  session.locked.insert(key);
  rows_[key].push_back({++values_, session.began, ++sequence_, session.xid});
}

void SimulatedServer::StepPrepared() {
  if (prepared_.empty()) return;
  const size_t which = Random(static_cast<int>(prepared_.size()));
  PreparedTransaction& transaction = prepared_[which];
  if (transaction.ended) {
    prepared_.erase(prepared_.begin() + static_cast<std::ptrdiff_t>(which));
  } else if (!transaction.busy && Random(3) == 0) {
    End(transaction.xid, Random(5) != 0);
    transaction.ended = true;
  }
}

void SimulatedServer::LetGo(uint64_t xid) {
  for (PreparedTransaction& transaction : prepared_) {
    if (transaction.xid == xid) transaction.busy = false;
  }
}

void SimulatedServer::End(uint64_t xid, bool commit) {
  in_progress_.erase(xid);
  if (!commit) aborted_.insert(xid);
}

bool SimulatedServer::IsLocked(int key) const {
  auto holds = [&](const auto& transaction) { return transaction.locked.contains(key); };
  return std::ranges::any_of(sessions_, holds) || std::ranges::any_of(prepared_, holds);
}

std::optional<TransactionName> SimulatedServer::Virtual(size_t session) const {
  const Session& of = sessions_[session];
  if (of.phase == Phase::kIdle || of.phase == Phase::kVirtualGone) return std::nullopt;
  return std::to_string(session) + "/" + std::to_string(of.local_id);
}

std::set<TransactionName> SimulatedServer::Prepared() const {
  std::set<TransactionName> names;
  for (const PreparedTransaction& transaction : prepared_) {
    names.insert("p" + std::to_string(static_cast<uint32_t>(transaction.xid)));
  }
  return names;
}

std::map<TransactionName, uint32_t> SimulatedServer::Xids() const {
  std::map<TransactionName, uint32_t> xids;
  for (size_t i = 0; i < sessions_.size(); ++i) {
    const auto name = Virtual(i);
    if (name && sessions_[i].xid != 0 && sessions_[i].phase != Phase::kPrepared) {
      xids[*name] = static_cast<uint32_t>(sessions_[i].xid);
    }
  }
  return xids;
}

Snapshot SimulatedServer::TakeSnapshot() const {
  Snapshot snapshot;
  snapshot.xmax = next_xid_;
  snapshot.xmin = in_progress_.empty() ? next_xid_ : *in_progress_.begin();
  snapshot.running = in_progress_;
  return snapshot;
}

std::optional<SimulatedServer::RowState> SimulatedServer::Read(int key,
                                                               const Snapshot& snapshot) const {
  auto row = rows_.find(key);
  if (row == rows_.end()) return std::nullopt;
  for (auto state = row->second.rbegin(); state != row->second.rend(); ++state) {
    if (snapshot.Sees(static_cast<uint32_t>(state->xid)) && !aborted_.contains(state->xid)) {
      return *state;
    }
  }
  return std::nullopt;
}

void SimulatedServer::Crash(bool new_start_time) {
  for (Session& session : sessions_) {
    if (session.phase == Phase::kRunning && session.xid != 0) End(session.xid, false);
    session = Session();
  }
  for (PreparedTransaction& transaction : prepared_) transaction.busy = false;
  if (new_start_time) started_ = clock_;
}

}  // namespace syncline::capture
