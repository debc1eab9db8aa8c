#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/model/frame.h"

// How a frame's body is compressed. zstd and LZ4 stay in here. Private to engine/model;
// thread-safe.
namespace syncline::compression {

// So many bytes `size` bytes may become at most.
size_t Bound(Compression how, size_t size);

// Writes at most Bound bytes to `at`; how many.
size_t Compress(Compression how, std::string_view body, char* at);

// Of bytes from outside: nothing they say makes this take more memory than they could become.
// Throws DamageError when they are not the compressed form of `body_bytes` bytes.
std::string Decompress(Compression how, std::string_view compressed, uint32_t body_bytes);

}  // namespace syncline::compression
