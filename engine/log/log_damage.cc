#include "engine/log/log_damage.h"

#include <utility>

namespace syncline {

Error LogDamage(std::string message) {
  return DamageError(
      std::move(message),
      "keep a copy of the folder; `syncline log verify` says up to which offset the log is whole, "
      "and `syncline log repair --truncate-at` cuts it there and captures the rest again; or "
      "restore "
      "it from a backup; or capture into a new folder");
}

}  // namespace syncline
