#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/error.h"
#include "engine/model/row.h"

// libFuzzer's entry: any bytes may come. What of them the code under test refuses with an Error of
// kDamage or kStop is fine; a crash, a broken promise (SYNCLINE_CHECK), any other exception is a
// finding.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace syncline::fuzz {

struct Seed {
  std::string name;  // also its file's
  std::string bytes;
};

// What the fuzzer starts from and what the normal suite replays: made by the code itself, so that
// it is never out of date. Each target has its own.
std::vector<Seed> Seeds();

// Does everything that a program does with a row from a log: both ways to read it, its text, its
// place in the index, and writing it again.
void UseRow(const Row& row);

// The worked example of FORMAT.md under that heading ("### Value").
std::string FormatExample(const std::string& heading);

// What `decode` makes of its bytes; nothing if it refuses them, as it may. What is done with the
// result belongs outside: an Error there is a finding.
template <typename Body>
auto Decoded(Body&& decode) -> std::optional<decltype(decode())> {
  try {
    return decode();
  } catch (const Error& error) {
    SYNCLINE_CHECK(error.reaction() == Reaction::kDamage || error.reaction() == Reaction::kStop);
    return {};
  }
}

}  // namespace syncline::fuzz
