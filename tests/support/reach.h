#pragma once

#include <span>

namespace syncline::test {

// A byte for each byte of the program's code, from where it is loaded: 1 where it has run.
std::span<unsigned char> Reached();

}  // namespace syncline::test
