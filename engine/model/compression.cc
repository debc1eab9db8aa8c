#include "engine/model/compression.h"

#include <lz4.h>
#include <zstd.h>

#include <memory>

#include "engine/base/check.h"
#include "engine/base/error.h"

namespace syncline::compression {
namespace {

// Level 1: the log is written at the source's speed; higher levels gain a few percent of size for
// twice the time.
constexpr int kZstdLevel = 1;
// LZ4's own default is 1. On rows whose text is random this one takes two thirds of the time, on
// text made of words as much; both give one percent of the size for it.
constexpr int kLz4Acceleration = 4;

// zstd makes at most 128 KiB out of a block, which takes at least four bytes; a byte more of LZ4
// stands for at most 255.
constexpr size_t kZstdBlockBytesMax = 128u << 10;
constexpr size_t kZstdBlockBytesMin = 4;
constexpr size_t kLz4ExpansionMax = 255;

Error Damaged() { return DamageError("a frame's body cannot be decompressed"); }

void DecompressZstd(std::string_view compressed, std::string& body) {
  thread_local const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                                ZSTD_freeDCtx);
  const size_t size = ZSTD_decompressDCtx(context.get(), body.data(), body.size(),
                                          compressed.data(), compressed.size());
  if (ZSTD_isError(size) || size != body.size()) throw Damaged();
}

void DecompressLz4(std::string_view compressed, std::string& body) {
  const int size =
      LZ4_decompress_safe(compressed.data(), body.data(), static_cast<int>(compressed.size()),
                          static_cast<int>(body.size()));
  if (size < 0 || static_cast<size_t>(size) != body.size()) throw Damaged();
}

}  // namespace

size_t Bound(Compression how, size_t size) {
  SYNCLINE_CHECK(size <= kFrameBytesMax);
  return how == Compression::kFast ? LZ4_COMPRESSBOUND(size) : ZSTD_COMPRESSBOUND(size);
}

namespace {

bool CanBecome(Compression how, std::string_view compressed, uint32_t body_bytes) {
  if (body_bytes > kFrameBytesMax) return false;
  if (how == Compression::kFast) {
    return compressed.size() <= Bound(how, body_bytes) &&
           body_bytes <= compressed.size() * kLz4ExpansionMax;
  }
  return body_bytes <= compressed.size() / kZstdBlockBytesMin * kZstdBlockBytesMax &&
         ZSTD_getFrameContentSize(compressed.data(), compressed.size()) == body_bytes;
}

}  // namespace

size_t Compress(Compression how, std::string_view body, char* at) {
  const size_t room = Bound(how, body.size());
  if (how == Compression::kFast) {
    const int size = LZ4_compress_fast(body.data(), at, static_cast<int>(body.size()),
                                       static_cast<int>(room), kLz4Acceleration);
    SYNCLINE_CHECK(size > 0);
    return static_cast<size_t>(size);
  }
  thread_local const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(),
                                                                                ZSTD_freeCCtx);
  const size_t size =
      ZSTD_compressCCtx(context.get(), at, room, body.data(), body.size(), kZstdLevel);
  SYNCLINE_CHECK(!ZSTD_isError(size));
  return size;
}

std::string Decompress(Compression how, std::string_view compressed, uint32_t body_bytes) {
  if (!CanBecome(how, compressed, body_bytes)) {
    throw DamageError("a frame's body does not have the length that its header says");
  }
  std::string body(body_bytes, '\0');
  if (how == Compression::kFast) {
    DecompressLz4(compressed, body);
  } else {
    DecompressZstd(compressed, body);
  }
  return body;
}

}  // namespace syncline::compression
