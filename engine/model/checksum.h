#pragma once

#include <cstdint>
#include <string_view>

#include "engine/model/row.h"

namespace syncline {

// XXH3 (seed 0) over bytes: what tells accidental damage in everything that Syncline stores. Not
// for secrets or against an adversary.
uint64_t Checksum64(std::string_view bytes);
Fingerprint Checksum128(std::string_view bytes);

}  // namespace syncline
