// What only shows between processes, each part beside the disk's own fdatasync in the same run.
//
//   process_bench tail [SECONDS [FRAMES_A_SECOND [CHANGES_A_FRAME]]]
// One process appends at a steady rate, another one follows with LogReader. How long from the call
// of Append until the changes are in the follower's hands, and how much of it is Append itself.
// Halfway between two frames the disk alone writes and syncs about as much as a frame takes.
// Decides whether following from another process is as good as following in the same one.
//
//   process_bench recovery [MIB_MAX [SECONDS_MAX]]
// One process appends until it is killed; another one opens the log. How long that takes, how long
// opening takes after an ordinary close, and what was written to the disk for each byte of frames:
// by RocksDB's account, and by the kernel's. Decides memtable sizes and the RowIndex's bounds.
//
// The log is made in $TMPDIR.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "bench/bench_log.h"
#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/log/change_log.h"
#include "engine/log/log_reader.h"
#include "engine/log/rocks/open_log.h"

namespace syncline {
namespace {

using namespace bench;
namespace fs = std::filesystem;

constexpr char kSource[] = "bench";

int64_t NowNs() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

double SecondsSince(int64_t start) { return static_cast<double>(NowNs() - start) * 1e-9; }

void PrintPercentiles(const char* what, std::vector<double> ms) {
  if (ms.empty()) return;
  std::ranges::sort(ms);
  const auto at = [&](double part) { return ms[static_cast<size_t>(part * (ms.size() - 1))]; };
  std::printf("%-22s p50 %7.2f  p95 %7.2f  p99 %7.2f  max %7.2f ms  (%zu)\n", what, at(0.5),
              at(0.95), at(0.99), ms.back(), ms.size());
}

// The disk by itself: a file that grows by a block, which is synced, again and again.
class Disk {
 public:
  Disk(const fs::path& folder, size_t bytes)
      : path_(folder / "disk"),
        block_(bytes, 'x'),
        fd_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {}
  ~Disk() {
    ::close(fd_);
    ::unlink(path_.c_str());
  }
  void Sync() {
    const int64_t start = NowNs();
    if (::write(fd_, block_.data(), block_.size()) < 0 || ::fdatasync(fd_) != 0) {
      std::perror("fdatasync");
    }
    ms_.push_back(SecondsSince(start) * 1e3);
  }
  void Print() {
    const std::string what = "fdatasync " + std::to_string(block_.size() >> 10) + " KiB";
    PrintPercentiles(what.c_str(), std::move(ms_));
  }

 private:
  const fs::path path_;
  const std::string block_;
  const int fd_;
  std::vector<double> ms_;
};

// One frame of the rows, whose ids go on from `first_id`; `stamp` is in each of them.
FrameDraft MakeDraft(const std::shared_ptr<const TableSchema>& table, const std::vector<Row>& rows,
                     int64_t first_id, int64_t stamp) {
  FrameDraft draft{.tables = {table}, .cursor = "cursor", .closes_cut = true};
  for (const Row& pattern : rows) {
    Row row;
    row.Reserve(208);
    row.Append(ValueView::Int(first_id++));
    row.Append(ValueView::Int(stamp));
    for (size_t column = 2; column < table->columns.size(); ++column) row.Append(pattern[column]);
    draft.fingerprints.push_back(row.fingerprint());
    Value version(row[table->cursor]);
    draft.changes.push_back({.row = std::move(row), .version = std::move(version)});
  }
  return draft;
}

// The calling program again, as `child`, with its standard output in a pipe.
class Child {
 public:
  template <typename Body>
  explicit Child(Body&& body) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("pipe");
    std::fflush(stdout);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(ends[0]);
      body(ends[1]);
      ::_exit(0);
    }
    ::close(ends[1]);
    output_ = ::fdopen(ends[0], "r");
  }
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    std::fclose(output_);
  }
  pid_t pid() const { return pid_; }
  // False when the child has gone.
  bool ReadLine(std::string& line) {
    char buffer[256];
    if (std::fgets(buffer, sizeof buffer, output_) == nullptr) return false;
    line = buffer;
    return true;
  }

 private:
  pid_t pid_ = -1;
  std::FILE* output_ = nullptr;
};

void Say(int fd, const std::string& line) {
  if (::write(fd, line.data(), line.size()) < 0) ::_exit(1);
}

int Tail(int seconds, int frames_a_second, int changes) {
  TempFolder temp;
  const fs::path folder = temp.path() / "log";
  const int frames = seconds * frames_a_second;
  Child writer([&](int out) {
    SystemClock clock;
    const auto log = OpenRocksLog(folder, kSource, clock);
    const auto table = ItemsTable();
    const std::vector<Row> rows = MakeRows(0, changes);
    log->Append(MakeDraft(table, rows, 0, 0));
    Say(out, "ready\n");
    Disk disk(temp.path(), 8u << 10);
    std::vector<double> ms;
    const auto start = std::chrono::steady_clock::now();
    const auto between = std::chrono::microseconds(1'000'000 / frames_a_second);
    for (int i = 0; i < frames; ++i) {
      std::this_thread::sleep_until(start + i * between);
      const int64_t called = NowNs();
      log->Append(MakeDraft(table, rows, (i + 1) * changes, called));
      ms.push_back(SecondsSince(called) * 1e3);
      std::this_thread::sleep_until(start + i * between + between / 2);
      disk.Sync();
    }
    PrintPercentiles("Append", std::move(ms));
    disk.Print();
    std::fflush(stdout);
  });
  std::string line;
  if (!writer.ReadLine(line)) return 1;

  SystemClock clock;
  const auto reader = OpenRocksLogReader(folder, clock);
  reader->Seek(Offset(changes));
  std::vector<double> ms;
  while (ms.size() < static_cast<size_t>(frames)) {
    while (const std::optional<Frame> frame = reader->Next()) {
      ms.push_back(SecondsSince(frame->changes.front().row[1].as_int()) * 1e3);
    }
    reader->Wait(std::chrono::seconds(1), {});
  }
  while (writer.ReadLine(line)) {
  }
  std::printf("%d frames a second of %d changes, for %d s\n", frames_a_second, changes, seconds);
  PrintPercentiles("Append to other process", std::move(ms));
  return 0;
}

uint64_t BytesWritten(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/io");
  std::string name;
  uint64_t value = 0;
  while (file >> name >> value) {
    if (name == "write_bytes:") return value;
  }
  return 0;
}

double TimedOpen(const fs::path& folder, uint64_t* changes) {
  SystemClock clock;
  const int64_t start = NowNs();
  const auto log = OpenRocksLog(folder, kSource, clock);
  *changes = log->next().value();
  return SecondsSince(start);
}

int Recovery(uint64_t mib_max, int seconds_max) {
  constexpr int64_t kChanges = 1300;  // about 256 KiB
  TempFolder temp;
  const fs::path folder = temp.path() / "log";
  {
    Disk disk(temp.path(), 64u << 10);
    for (int i = 0; i < 200; ++i) disk.Sync();
    disk.Print();
  }
  uint64_t acknowledged = 0, wal = 0, files = 0, kernel = 0;
  const int64_t start = NowNs();
  double seconds = 0;
  {
    Child writer([&](int out) {
      SystemClock clock;
      const auto log = OpenRocksLog(folder, kSource, clock);
      const auto table = ItemsTable();
      const std::vector<Row> rows = MakeRows(0, kChanges);
      for (int64_t i = 0;; ++i) {
        log->Append(MakeDraft(table, rows, i * kChanges, i));
        if (i % 50 != 0) continue;
        const LogWriteStats stats = log->write_stats();
        Say(out, std::to_string(log->next().value()) + " " + std::to_string(stats.wal_bytes) + " " +
                     std::to_string(stats.file_bytes) + "\n");
      }
    });
    std::string line;
    while (writer.ReadLine(line)) {
      std::sscanf(line.c_str(), "%lu %lu %lu", &acknowledged, &wal, &files);
      seconds = SecondsSince(start);
      if (wal >> 20 >= mib_max || seconds >= seconds_max) break;
    }
    kernel = BytesWritten(writer.pid());
  }
  std::printf("%lu changes in %.1f s: %.0f MiB of frames; killed\n", acknowledged, seconds,
              static_cast<double>(wal) / (1u << 20));
  std::printf(
      "written for each byte of frames: %.2f by RocksDB (WAL 1, files %.2f), %.2f by the kernel\n",
      1 + static_cast<double>(files) / static_cast<double>(wal),
      static_cast<double>(files) / static_cast<double>(wal),
      static_cast<double>(kernel) / static_cast<double>(wal));
  uint64_t changes = 0;
  const double killed = TimedOpen(folder, &changes);
  if (changes < acknowledged) std::printf("LOST %lu CHANGES\n", acknowledged - changes);
  std::printf("open after the kill %.2f s, after an ordinary close %.2f s (%lu changes)\n", killed,
              TimedOpen(folder, &changes), changes);
  SystemClock clock;
  const int64_t opening = NowNs();
  OpenRocksLogReader(folder, clock)->Last();
  std::printf("open by a reader %.2f s\n", SecondsSince(opening));
  return 0;
}

int Number(int argc, char** argv, int place, int otherwise) {
  return argc > place ? std::atoi(argv[place]) : otherwise;
}

}  // namespace
}  // namespace syncline

int main(int argc, char** argv) {
  using namespace syncline;
  const std::string part = argc > 1 ? argv[1] : "";
  try {
    if (part == "tail") {
      return Tail(Number(argc, argv, 2, 10), Number(argc, argv, 3, 100),
                  Number(argc, argv, 4, 100));
    }
    if (part == "recovery") {
      return Recovery(static_cast<uint64_t>(Number(argc, argv, 2, 10 << 10)),
                      Number(argc, argv, 3, 300));
    }
  } catch (const Error& error) {
    std::fprintf(stderr, "process_bench: %s\n", error.what());
    return 1;
  }
  std::fprintf(stderr, "usage: process_bench tail | recovery; its source says the rest\n");
  return 2;
}
