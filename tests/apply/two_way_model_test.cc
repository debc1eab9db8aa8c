#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "apply/rules/two_way_decision.h"
#include "engine/model/row_clock.h"

// Whole networks of databases in memory: random users whose clocks are skewed, coarse and sometimes
// hours late, polls, deliveries in batches, crashes between a batch and its place in the log. What
// decides is the real code: NextClock, Decide, and the order of steps that TwoWayResolver and
// SqlTarget keep to. It was seen to fail with each of these undone:
//  - a user's change gets its own stamp as its clock, not one above the state it was made on
//  - a row is overwritten though its state is not in the log (no compare-and-set)
//  - equal times are decided for the database's own state, not by origin
//  - what was applied is captured as if a user had made it
// Each of them is one of the Breaks below, which must fail.

namespace syncline::apply {
namespace {

enum class Break { kNothing, kOwnStamps, kNoCompareAndSet, kLocalTies, kEchoes };

// What a row holds: nothing is 0.
using Content = int;

struct Logged {
  int key;
  Content content;
  Lineage lineage;
};

struct Known {
  RowClock clock;
  Content content;
};

struct Database {
  NodeId id = 0;
  int64_t skew = 0;
  std::map<int, std::pair<Content, int64_t>> rows;  // with the row's own stamp
  std::map<int, Known> known;                       // the log's index
  std::vector<Logged> log;
  std::map<NodeId, size_t> read;  // progress in other databases' logs
  std::set<Content> conflicts;    // states that lost
};

class Network {
 public:
  struct Shape {
    size_t databases = 2;
    bool prefers = false;     // the first one
    bool one_writes = false;  // only the first one has users
  };
  Network(uint64_t seed, const Shape& shape, Break broken)
      : random_(seed), broken_(broken), one_writes_(shape.one_writes) {
    keys_ = Pick({1, 2, 3, 6});
    coarse_ = Pick({1, 5, 20});
    const int skew = Pick({0, 3, 30, 300});
    for (size_t i = 0; i < shape.databases; ++i) {
      Database& database = databases_.emplace_back();
      database.id = i + 1;
      if (i > 0) database.skew = Number(-skew, skew);
    }
    if (shape.prefers) prefer_ = {1};
  }

  // Random life, then quiet until nothing moves any more; false: something still did.
  bool Run(int steps) {
    const double users = Pick({5, 10, 30, 50}) / 100.0, polls = Pick({2, 15, 30}) / 100.0;
    for (now_ = 0; now_ < steps; ++now_) {
      Database& one = databases_[Number(0, static_cast<int>(databases_.size()) - 1)];
      const double what = Number(0, 999) / 1000.0;
      if (what < users) {
        Use(one_writes_ ? databases_.front() : one);
      } else if (what < users + polls) {
        Poll(one);
      } else {
        Database& other = databases_[Number(0, static_cast<int>(databases_.size()) - 1)];
        if (Linked(one, other)) Apply(other, one);
      }
    }
    // Three databases and each's log: after so many rounds nothing is new to anybody.
    constexpr int kRoundsMax = 200;
    for (int round = 0; round < kRoundsMax; ++round) {
      bool moved = false;
      for (Database& database : databases_) Poll(database);
      for (Database& to : databases_) {
        for (Database& from : databases_) {
          if (Linked(from, to)) moved |= Apply(from, to);
        }
      }
      if (!moved) return true;
    }
    return false;
  }

  bool Equal() const {
    for (int key = 0; key < keys_; ++key) {
      const Content first = ContentOf(databases_.front(), key);
      for (const Database& database : databases_) {
        if (ContentOf(database, key) != first) return false;
      }
    }
    return true;
  }

  // Changes and conflicts of databases without users.
  size_t Heard() const {
    size_t heard = 0;
    for (const Database& database : databases_) {
      heard += database.conflicts.size();
      if (database.id == 1) continue;
      heard += std::ranges::count(database.log, NodeId{0},
                                  [](const Logged& entry) { return entry.lineage.via; });
    }
    return heard;
  }

  // Every state that some log holds and that is not there any more was followed by another one, or
  // is in somebody's conflicts.
  bool NothingIsLost() const {
    std::set<Content> followed, conflicts;
    std::map<RowClock, Content> by_clock;
    for (const Database& database : databases_) {
      conflicts.insert(database.conflicts.begin(), database.conflicts.end());
    }
    for (const Database& database : databases_) {
      std::map<int, Content> last;
      for (const Logged& entry : database.log) {
        if (entry.lineage.via == 0) {
          // Made by a user on top of what the log held, in sight of it.
          if (const auto before = last.find(entry.key); before != last.end()) {
            followed.insert(before->second);
          }
        }
        last[entry.key] = entry.content;
      }
    }
    for (const Database& database : databases_) {
      for (const Logged& entry : database.log) {
        if (entry.content == 0 || entry.lineage.via != 0) continue;
        const bool is_there = ContentOf(databases_.front(), entry.key) == entry.content;
        if (!is_there && !followed.contains(entry.content) && !conflicts.contains(entry.content)) {
          return false;
        }
      }
    }
    return true;
  }

 private:
  int Number(int least, int most) { return std::uniform_int_distribution(least, most)(random_); }
  int Pick(std::initializer_list<int> of) {
    return *(of.begin() + Number(0, static_cast<int>(of.size()) - 1));
  }

  static Content ContentOf(const Database& database, int key) {
    const auto row = database.rows.find(key);
    return row == database.rows.end() ? 0 : row->second.first;
  }

  // The first is the hub.
  bool Linked(const Database& a, const Database& b) const {
    return a.id != b.id && (a.id == 1 || b.id == 1);
  }

  void Use(Database& database) {
    const int key = Number(0, keys_ - 1);
    const int late = Number(0, 9) < 3 ? Number(0, 40) : 0;  // a long transaction's stamp is old
    const int64_t stamp = (now_ + database.skew - late) / coarse_ * coarse_;
    if (Number(0, 4) == 0) {
      database.rows.erase(key);
    } else {
      database.rows[key] = {++serial_, stamp};
    }
  }

  // What differs from the log was made by users; as CutWriter does it.
  void Poll(Database& database) {
    for (int key = 0; key < keys_; ++key) Capture(database, key);
  }

  void Capture(Database& database, int key) {
    const Content content = ContentOf(database, key);
    const auto known = database.known.find(key);
    if (content == (known == database.known.end() ? 0 : known->second.content)) return;
    const int64_t stamp = content == 0 ? now_ + database.skew : database.rows[key].second;
    Lineage lineage;
    if (known != database.known.end()) lineage.before = known->second.clock;
    lineage.clock = broken_ == Break::kOwnStamps ? RowClock{stamp, database.id}
                                                 : NextClock(stamp, lineage.before, database.id);
    Log(database, {key, content, lineage});
  }

  static void Log(Database& database, Logged entry) {
    database.known[entry.key] = {entry.lineage.clock, entry.content};
    database.log.push_back(std::move(entry));
  }

  // A batch, as apply collapses it; whether there was any.
  bool Apply(Database& from, Database& to) {
    size_t& at = to.read[from.id];
    const size_t count = std::min<size_t>(from.log.size() - at, Number(1, 4));
    if (count == 0) return false;
    std::map<int, std::pair<OriginInfo, Content>> steps;
    for (const Logged& entry : std::vector(from.log.begin() + at, from.log.begin() + at + count)) {
      const auto [step, is_new] = steps.try_emplace(entry.key);
      OriginInfo& origin = step->second.first;
      if (!is_new) {
        origin.follows.push_back(origin.clock);
      } else if (entry.lineage.before) {
        origin.follows.push_back(*entry.lineage.before);
      }
      origin.clock = entry.lineage.clock;
      origin.via = entry.lineage.via;
      step->second.second = entry.content;
    }
    at += count;
    std::vector<Logged> own;
    for (const auto& [key, step] : steps) {
      if (step.first.via == to.id) continue;
      ApplyStep(from, to, key, step.first, step.second, own);
    }
    // The rows and the progress are committed; the log follows in any case (Prepare, Confirm).
    if (broken_ == Break::kEchoes) return true;
    for (Logged& entry : own) Log(to, std::move(entry));
    return true;
  }

  void ApplyStep(const Database& from, Database& to, int key, const OriginInfo& step,
                 Content content, std::vector<Logged>& own) {
    if (broken_ != Break::kNoCompareAndSet) Capture(to, key);
    const Content here = ContentOf(to, key);
    const auto known = to.known.find(key);
    TwoWayLook look{.exists = here != 0, .same_content = here != 0 && here == content};
    if (known != to.known.end()) {
      look.known = known->second.clock;
      if (broken_ == Break::kLocalTies && look.known->time == step.clock.time) {
        look.known->origin = ~NodeId{0};
      }
      look.defends = look.known->origin == to.id &&
                     std::ranges::find(prefer_, to.id) != prefer_.end() &&
                     std::ranges::find(prefer_, step.clock.origin) == prefer_.end();
    }
    const TwoWayDecision decision = Decide({.step = step, .deletion = content == 0}, look);
    if (decision.conflict) {
      to.conflicts.insert(decision.action == TwoWayAction::kWrite ? here : content);
    }
    if (decision.action == TwoWayAction::kNothing) return;
    Lineage lineage{.clock = step.clock, .before = look.known, .via = from.id};
    Content after = content;
    if (decision.action == TwoWayAction::kDefend) {
      after = here;
      lineage = {.clock = NextClock(look.known->time, step.clock, to.id), .before = step.clock};
    } else if (decision.action == TwoWayAction::kWrite) {
      if (content == 0) {
        to.rows.erase(key);
      } else {
        to.rows[key] = {content, step.clock.time};
      }
    }
    own.push_back({key, after, lineage});
  }

  std::mt19937_64 random_;
  const Break broken_;
  const bool one_writes_;
  int keys_ = 0;
  int coarse_ = 1;
  int64_t now_ = 0;
  int serial_ = 0;
  std::vector<NodeId> prefer_;
  std::vector<Database> databases_;
};

struct Outcome {
  int different = 0, restless = 0, lost = 0, heard = 0;
};

Outcome RunMany(uint64_t runs, const Network::Shape& shape, Break broken = Break::kNothing) {
  constexpr int kSteps = 150;
  Outcome outcome;
  for (uint64_t seed = 0; seed < runs; ++seed) {
    Network network(seed, shape, broken);
    if (!network.Run(kSteps)) ++outcome.restless;
    if (!network.Equal()) ++outcome.different;
    if (!network.NothingIsLost()) ++outcome.lost;
    if (shape.one_writes && network.Heard() > 0) ++outcome.heard;
  }
  return outcome;
}

void ExpectGood(const Outcome& outcome) {
  EXPECT_EQ(outcome.different, 0);
  EXPECT_EQ(outcome.restless, 0);
  EXPECT_EQ(outcome.lost, 0);
  EXPECT_EQ(outcome.heard, 0);
}

TEST(TwoWayModel, TwoDatabasesAlwaysEndEqualAndQuiet) { ExpectGood(RunMany(60'000, {})); }

TEST(TwoWayModel, SoDoThreeAroundAHub) { ExpectGood(RunMany(30'000, {.databases = 3})); }

TEST(TwoWayModel, SoTheyDoWhereOneIsPreferred) {
  ExpectGood(RunMany(10'000, {.databases = 3, .prefers = true}));
}

TEST(TwoWayModel, WhoHasNoUsersChangesNothingAndHasNoConflicts) {
  ExpectGood(RunMany(10'000, {.databases = 3, .one_writes = true}));
}

TEST(TwoWayModel, EachRuleIsNeeded) {
  constexpr uint64_t kRuns = 1'000;
  for (const size_t databases : {2, 3}) {
    const Network::Shape shape{.databases = databases};
    EXPECT_GT(RunMany(kRuns, shape, Break::kOwnStamps).different, 0);
    EXPECT_GT(RunMany(kRuns, shape, Break::kLocalTies).different, 0);
    const Outcome blind = RunMany(kRuns, shape, Break::kNoCompareAndSet);
    EXPECT_GT(blind.different + blind.lost, 0);
    EXPECT_GT(RunMany(kRuns, {.databases = databases, .one_writes = true}, Break::kEchoes).heard,
              0);
  }
}

}  // namespace
}  // namespace syncline::apply
