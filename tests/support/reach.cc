// Which places of a program have run, for tests/mutate: linked beside sources that were compiled
// with -fsanitize-coverage=trace-pc, and with nothing else.
//
// SYNCLINE_REACH names a file that is mapped, a byte for each byte of the program's code; a place
// that has run is 1 in it. Processes of one program may share the file.
#include "tests/support/reach.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern "C" const unsigned char __executable_start, etext;

namespace {

std::span<unsigned char> reached;

std::span<unsigned char> Mapped() {
  const size_t size = static_cast<size_t>(&etext - &__executable_start);
  const char* name = ::getenv("SYNCLINE_REACH");
  const int file = name == nullptr ? -1 : ::open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  const bool is_shared = file >= 0 && ::ftruncate(file, static_cast<off_t>(size)) == 0;
  void* map =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
             is_shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, is_shared ? file : -1, 0);
  if (file >= 0) ::close(file);
  return {static_cast<unsigned char*>(map), size};
}

// Before all that is initialised without a priority.
__attribute__((constructor(101))) void Begin() { reached = Mapped(); }

}  // namespace

namespace syncline::test {
std::span<unsigned char> Reached() { return reached; }
}  // namespace syncline::test

extern "C" void __sanitizer_cov_trace_pc() {
  if (reached.empty()) return;  // a library that is initialised first calls what is inline here
  const auto* place = static_cast<const unsigned char*>(__builtin_return_address(0));
  reached[static_cast<size_t>(place - &__executable_start)] = 1;
}
