#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "tools/history/best_effort_state_store.h"
#include "tools/service/hooks.h"

namespace syncline::cli {

// Trouble of pipelines, told to their hooks once when it begins and once when it is over, by
// whichever process. What goes away by itself becomes trouble only when it stays for a while; the
// silence of a database has stayed when it becomes an error.
// Thread-safe; borrows everything.
class Incidents {
 public:
  // For this long a stage may try again before that is told.
  static constexpr Microseconds kPatience = std::chrono::seconds(60);
  // For this long before `status` shows it.
  static constexpr Microseconds kSettle = std::chrono::seconds(2);

  Incidents(BestEffortStateStore& book, Hooks& hooks, Clock& clock)
      : book_(book), hooks_(hooks), clock_(clock) {}
  Incidents(const Incidents&) = delete;
  Incidents& operator=(const Incidents&) = delete;

  // A run has failed.
  void Failed(const std::string& pipeline, const std::string& kind, const Error& error);
  // It goes well (again).
  void Over(const std::string& pipeline, const std::string& kind);

  // A stage of that kind has stopped for good.
  void Stopped(const std::string& pipeline, const std::string& kind, const Error& error);
  // A stage tries again after an error; null: it has gone on.
  void Trying(const std::string& pipeline, const std::string& kind, const Error* error);
  // It is made anew after it has stopped: what comes of that is not known yet. But when another
  // stage of the pipeline stops then, that is its trouble, and the earlier one is over.
  void StartedAgain(const std::string& pipeline, const std::string& kind);
  // So many changes of the pipeline are in its target's quarantine. Told when there are more than
  // before, unless that is known, and when there are none any more.
  void Refusing(const std::string& pipeline, uint64_t changes);
  // So many are left there after somebody has looked after them, maybe from another process than
  // the one that runs the pipeline. Told when there are none.
  void StillRefusing(const std::string& pipeline, uint64_t changes);
  // So many rows of its tables stay at the source, since they cannot be captured. Told as Refusing.
  void LeavingOut(const std::string& pipeline, uint64_t rows);
  // Notes what has been tried for a while, and tells what has been for too long. To be called now
  // and then.
  void Look();
  // The error that keeps the pipeline from going on just now, if any.
  std::optional<std::string> TroubleOf(const std::string& pipeline);
  // A stage of that kind is what keeps it.
  bool IsInTrouble(const std::string& pipeline, const std::string& kind);
  // A stage of it has stopped and was not started again, or tries again for so long, or in vain
  // against such a silence, that it is told as failed.
  bool HasFailed(const std::string& pipeline);

 private:
  using Key = std::pair<std::string, std::string>;  // pipeline and kind
  struct Trouble {
    Microseconds since;
    Error error;
    bool noted = false;
    bool told = false;
    bool stopped = false;
  };

  // What is told of rows of which there are so many now.
  void Count(const Incident& incident, uint64_t rows);
  void Recount(const Incident& incident, uint64_t rows);

  BestEffortStateStore& book_;
  Hooks& hooks_;
  Clock& clock_;
  std::mutex mutex_;
  std::map<Key, Trouble> trying_;      // guarded by mutex_; what has stopped, too
  std::set<Key> started_again_;        // guarded by mutex_; and had no error since
  std::map<Key, uint64_t> rows_told_;  // guarded by mutex_; as Count was told last
};

}  // namespace syncline::cli
