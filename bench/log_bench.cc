// What the change log does by itself: append (every frame synced), append behind the CutWriter
// (lookups, dedupe, previous states), reading from the start; beside the disk's own fdatasync.
// Decides the frame size, and whether the log can be the bottleneck of a pipeline. Rows are the
// `items` of the end-to-end bench, about 200 bytes; the first argument is the frame size in KiB,
// uncompressed. "items" in the output are changes. The log is made in $TMPDIR.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bench/bench_log.h"
#include "bench/plain_store.h"
#include "engine/base/clock.h"
#include "engine/log/change_log.h"
#include "engine/log/cut_writer.h"
#include "engine/log/log_reader.h"
#include "engine/log/rocks/open_log.h"

namespace syncline {
namespace {

using namespace bench;

constexpr int64_t kRows = 1'000'000;

uint64_t BytesOf(const std::vector<Row>& rows) {
  uint64_t bytes = 0;
  for (const Row& row : rows) bytes += row.bytes().size();
  return bytes;
}

class Stopwatch {
 public:
  double Seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

struct Log {
  explicit Log(RocksLogOptions options = {})
      : log(OpenRocksLog(temp.path() / "log", "bench", clock, options)) {}

  TempFolder temp;
  SystemClock clock;
  std::unique_ptr<ChangeLog> log;
  std::shared_ptr<const TableSchema> table = ItemsTable();

  void Capture(std::vector<Row> rows, size_t frame_bytes) {
    CutWriter writer(*log, {.frame_bytes = frame_bytes});
    for (Row& row : rows) writer.Add(table, std::move(row));
    writer.Close("cursor");
  }
};

// CPU that has been used, in seconds: of this thread, or of the process with RocksDB's threads.
double CpuSeconds(clockid_t clock) {
  timespec now;
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// From now to Report: the clock, and the CPU that each of the rows took in this thread (cpu_ns) and
// in all of them, RocksDB's too (all_cpu_ns).
class CpuWatch {
 public:
  void Report(benchmark::State& state) const {
    state.SetIterationTime(watch_.Seconds());
    state.counters["cpu_ns"] = (CpuSeconds(CLOCK_THREAD_CPUTIME_ID) - thread_) * 1e9 / kRows;
    state.counters["all_cpu_ns"] = (CpuSeconds(CLOCK_PROCESS_CPUTIME_ID) - process_) * 1e9 / kRows;
  }

 private:
  const Stopwatch watch_;
  const double thread_ = CpuSeconds(CLOCK_THREAD_CPUTIME_ID);
  const double process_ = CpuSeconds(CLOCK_PROCESS_CPUTIME_ID);
};

void Count(benchmark::State& state, uint64_t bytes_a_run) {
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * kRows);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes_a_run));
}

// Changes in random order, over all frames.
void Shuffle(std::vector<FrameDraft>& drafts) {
  std::minstd_rand random(7);
  for (FrameDraft& draft : drafts) {
    for (size_t i = 0; i < draft.changes.size(); ++i) {
      FrameDraft& other = drafts[random() % drafts.size()];
      const size_t j = random() % other.changes.size();
      std::swap(draft.changes[i], other.changes[j]);
      std::swap(draft.fingerprints[i], other.fingerprints[j]);
    }
  }
}

// The rows as frames of about that size, uncompressed.
std::vector<FrameDraft> MakeDrafts(size_t frame_bytes) {
  constexpr size_t kChangeOverhead = 26;  // what a change of these takes beside its row
  const auto table = ItemsTable();
  std::vector<Row> rows = MakeRows(0, kRows);
  const size_t count = frame_bytes / (BytesOf(rows) / kRows + kChangeOverhead);
  std::vector<FrameDraft> drafts;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i % count == 0) drafts.push_back({.tables = {table}, .cursor = "cursor"});
    Value version(rows[i][table->cursor]);
    drafts.back().fingerprints.push_back(rows[i].fingerprint());
    drafts.back().changes.push_back({.row = std::move(rows[i]), .version = std::move(version)});
  }
  return drafts;
}

// Frames that are ready: encoding, compression, the synced write, the RowIndex. Arguments: `zstd`,
// whether every frame is compressed the slow way; `shuffled`, whether keys come in random order.
void BM_Append(benchmark::State& state) {
  const Compression how = state.range(1) != 0 ? Compression::kSmall : Compression::kFast;
  for (auto _ : state) {
    Log log({.compression = how});
    std::vector<FrameDraft> drafts = MakeDrafts(static_cast<size_t>(state.range(0)) << 10);
    if (state.range(2) != 0) Shuffle(drafts);
    const CpuWatch watch;
    for (FrameDraft& draft : drafts) log.log->Append(std::move(draft));
    watch.Report(state);
  }
  Count(state, kRows * 200);
}
BENCHMARK(BM_Append)
    ->ArgNames({"kib", "zstd", "shuffled"})
    ->ArgsProduct({{64, 256, 1024}, {0, 1}, {0}})
    ->Args({256, 0, 1})
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime();

// Rows that are all new: an initial load.
void BM_CaptureNewRows(benchmark::State& state) {
  uint64_t bytes = 0;
  for (auto _ : state) {
    Log log;
    std::vector<Row> rows = MakeRows(0, kRows);
    bytes = BytesOf(rows);
    const Stopwatch watch;
    log.Capture(std::move(rows), static_cast<size_t>(state.range(0)) << 10);
    state.SetIterationTime(watch.Seconds());
  }
  Count(state, bytes);
}
BENCHMARK(BM_CaptureNewRows)
    ->Arg(64)
    ->Arg(256)
    ->Arg(1024)
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime();

// Rows of which the log holds an older state (argument 1), or this very one (argument 0).
void BM_CaptureKnownRows(benchmark::State& state) {
  uint64_t bytes = 0;
  for (auto _ : state) {
    Log log;
    log.Capture(MakeRows(0, kRows), 256u << 10);
    std::vector<Row> rows = MakeRows(state.range(0), kRows);
    bytes = BytesOf(rows);
    const Stopwatch watch;
    log.Capture(std::move(rows), 256u << 10);
    state.SetIterationTime(watch.Seconds());
  }
  Count(state, bytes);
}
BENCHMARK(BM_CaptureKnownRows)
    ->ArgName("changed")
    ->Arg(0)
    ->Arg(1)
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime();

// From the first frame to the last, every change decoded. `secondary`: as another process reads it.
void BM_Read(benchmark::State& state) {
  const bool secondary = state.range(1) != 0;
  Log log;
  std::vector<Row> rows = MakeRows(0, kRows);
  const uint64_t bytes = BytesOf(rows);
  log.Capture(std::move(rows), static_cast<size_t>(state.range(0)) << 10);
  const auto reader =
      secondary ? OpenRocksLogReader(log.temp.path() / "log", log.clock) : log.log->NewReader();
  for (auto _ : state) {
    reader->Seek(Offset(0));
    uint64_t changes = 0;
    while (const std::optional<Frame> frame = reader->Next()) changes += frame->changes.size();
    if (changes != kRows) state.SkipWithError("not every change was read");
  }
  Count(state, bytes);
}
BENCHMARK(BM_Read)
    ->ArgNames({"kib", "secondary"})
    ->Args({64, 0})
    ->Args({256, 0})
    ->Args({1024, 0})
    ->Args({256, 1})
    ->Unit(benchmark::kMillisecond);

std::vector<std::string> EncodedFrames(size_t frame_bytes, Compression how) {
  std::vector<std::string> entries;
  for (const FrameDraft& draft : MakeDrafts(frame_bytes)) {
    FrameHeader header{.cursor = draft.cursor};
    entries.push_back(EncodeFrame(header, draft.changes, how));
  }
  return entries;
}

// The floor under Append: what it must do at least, without the log. The same changes, as frames of
// the same size, that are ready; written by RocksDB alone, each with a sync; and for each change an
// index entry as RowIndex writes it, in key order, in batches without the WAL. Argument `parts`: 1
// frames, 2 index, 3 both.
void BM_FloorRocksDb(benchmark::State& state) {
  constexpr size_t kBatchEntries = 100'000;
  const bool frames = state.range(2) & 1;
  const bool index = state.range(2) & 2;
  const Compression how = state.range(1) != 0 ? Compression::kSmall : Compression::kFast;
  const std::vector<std::string> entries =
      EncodedFrames(static_cast<size_t>(state.range(0)) << 10, how);
  for (auto _ : state) {
    TempFolder temp;
    PlainStore store(temp.path() / "store");
    const CpuWatch watch;
    const size_t changes_a_frame = kRows / entries.size();
    size_t indexed = 0;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (frames) store.PutFrame(i, entries[i]);
      if (!index) continue;
      for (size_t end = std::min<size_t>(kRows, (i + 1) * changes_a_frame); indexed < end;) {
        store.AddIndexEntry(indexed++);
        if (indexed % kBatchEntries == 0) store.WriteIndex();
      }
    }
    watch.Report(state);
  }
  Count(state, kRows * 200);
}
BENCHMARK(BM_FloorRocksDb)
    ->ArgNames({"kib", "zstd", "parts"})
    ->ArgsProduct({{256, 1024}, {0, 1}, {1, 2, 3}})
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime();

// Encoding alone: with compression and the hash, without a disk.
void BM_FloorEncode(benchmark::State& state) {
  const Compression how = state.range(1) != 0 ? Compression::kSmall : Compression::kFast;
  std::vector<FrameDraft> drafts = MakeDrafts(static_cast<size_t>(state.range(0)) << 10);
  FrameEncoder encoder;
  uint64_t entry_bytes = 0;
  for (auto _ : state) {
    entry_bytes = 0;
    for (const FrameDraft& draft : drafts) {
      FrameHeader header{.cursor = "cursor"};
      entry_bytes += encoder.Encode(header, draft.changes, how).size();
    }
  }
  state.counters["bytes_a_change"] = static_cast<double>(entry_bytes) / kRows;
  Count(state, kRows * 200);
}
BENCHMARK(BM_FloorEncode)
    ->ArgNames({"kib", "zstd"})
    ->ArgsProduct({{256, 1024}, {0, 1}})
    ->Unit(benchmark::kMillisecond);

// The floor under every frame.
void BM_Fdatasync(benchmark::State& state) {
  TempFolder temp;
  const std::string block(static_cast<size_t>(state.range(0)) << 10, 'x');
  const int fd = ::open((temp.path() / "file").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  for (auto _ : state) {
    if (::write(fd, block.data(), block.size()) < 0 || ::fdatasync(fd) != 0) {
      state.SkipWithError("cannot write");
    }
  }
  ::close(fd);
}
BENCHMARK(BM_Fdatasync)
    ->Arg(4)
    ->Arg(64)
    ->Arg(256)
    ->Arg(1024)
    ->Unit(benchmark::kMicrosecond)
    ->Iterations(300);

}  // namespace
}  // namespace syncline

BENCHMARK_MAIN();
