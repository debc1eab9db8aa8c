#pragma once

#include <cstdint>
#include <string>

// Numbers as bytes in big endian, so that bytewise order is numeric order. Private to engine/log.
namespace syncline::layout {

void AppendBigEndian64(std::string& out, uint64_t value);
void AppendBigEndian32(std::string& out, uint32_t value);
uint64_t ReadBigEndian64(const char* at);

}  // namespace syncline::layout
