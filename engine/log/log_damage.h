#pragma once

#include <string>

#include "engine/base/error.h"

namespace syncline {

// A DamageError whose hint names the ways out of a damaged log. Private to engine/log.
Error LogDamage(std::string message);

}  // namespace syncline
