// Runs a fuzz target without libFuzzer, compiled as everything else is:
//
//   frame_replay              every seed, every part of it cut off, and mutations of it
//   frame_replay FILE ...     these inputs: what the fuzzer has found
//   frame_replay --seeds DIR  writes the seeds into DIR
//
// The mutations are the same in every run. An allocation of more than 16 MiB ends the program: no
// input here is longer than some hundred bytes, whatever lengths it claims.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_target.h"

namespace {

using syncline::fuzz::Seed;

constexpr int kMutations = 2000;  // of each seed
constexpr int kChangesMax = 4;    // in one mutation

void Run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

// Values at which lengths, counts and varints turn over.
char Interesting(std::minstd_rand& random) {
  static constexpr uint8_t kValues[] = {0x00, 0x01, 0x02, 0x7f, 0x80, 0xfe, 0xff};
  return static_cast<char>(kValues[random() % sizeof kValues]);
}

std::string Mutated(std::string input, std::minstd_rand& random) {
  for (unsigned left = 1 + random() % kChangesMax; left > 0 && !input.empty(); --left) {
    const size_t at = random() % input.size();
    switch (random() % 5) {
      case 0:
        input[at] = static_cast<char>(input[at] ^ (1 << random() % 8));
        break;
      case 1:
        input[at] = Interesting(random);
        break;
      case 2:
        input.erase(at, 1 + random() % 8);
        break;
      case 3:
        input.insert(at, 1 + random() % 8, Interesting(random));
        break;
      default:
        input.insert(at, input.substr(random() % input.size(), random() % 32));
    }
  }
  return input;
}

void Replay(const Seed& seed, std::minstd_rand& random) {
  for (size_t size = 0; size <= seed.bytes.size(); ++size) Run(seed.bytes.substr(0, size));
  for (int i = 0; i < kMutations; ++i) Run(Mutated(seed.bytes, random));
}

int WriteSeeds(const std::string& folder) {
  for (const Seed& seed : syncline::fuzz::Seeds()) {
    std::ofstream file(folder + "/" + seed.name, std::ios::binary);
    file << seed.bytes;
    if (!file.flush()) return 1;
  }
  return 0;
}

}  // namespace

void* operator new(size_t bytes) {
  constexpr size_t kAllocationMax = 16u << 20;
  if (bytes > kAllocationMax) {
    std::fprintf(stderr, "an allocation of %zu bytes\n", bytes);
    std::abort();
  }
  if (void* const memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--seeds") == 0) return WriteSeeds(argv[2]);
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    if (!file) return 1;
    Run({std::istreambuf_iterator<char>(file), {}});
  }
  if (argc > 1) return 0;
  std::minstd_rand random(1);
  const std::vector<Seed> seeds = syncline::fuzz::Seeds();
  for (const Seed& seed : seeds) Replay(seed, random);
  std::printf("%zu seeds, %zu mutations\n", seeds.size(), seeds.size() * kMutations);
  return 0;
}
