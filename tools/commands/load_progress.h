#pragma once

#include <cstdint>
#include <cstdio>
#include <stop_token>
#include <string>

#include "engine/base/clock.h"
#include "tools/service/stage_watch.h"

namespace syncline::cli {

// How far first loads are, for people: "450,000 of about 1,000,000 rows, 380,000 a second, 1.4 s
// left". `of` 0: nobody knows. Pure.
std::string DescribeLoad(uint64_t rows, uint64_t of, Microseconds elapsed);

// The same with a bar of `width` characters in front, where `of` is known. Pure.
std::string LoadBar(uint64_t rows, uint64_t of, Microseconds elapsed, size_t width);

// Shows a bar on a terminal's stderr, on one line that goes away, as long as a load is running;
// elsewhere it does nothing. Until stopped.
void ShowLoads(StageWatch& watch, std::FILE* terminal, std::stop_token stop);

}  // namespace syncline::cli
