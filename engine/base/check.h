#pragma once

#include <sstream>
#include <string>

namespace syncline::internal {

// Prints the place, the condition and the values to stderr and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition,
                              const std::string& values);

template <typename A, typename B>
std::string CheckValues(const A& a, const B& b) {
  std::ostringstream out;
  out << a << " against " << b;
  return out.str();
}

}  // namespace syncline::internal

// A broken invariant of our own aborts, also in release builds. Input from outside never trips one:
// that is an Error.
#define SYNCLINE_CHECK(condition)                                                            \
  do {                                                                                       \
    if (!(condition)) ::syncline::internal::CheckFailed(__FILE__, __LINE__, #condition, ""); \
  } while (false)

#define SYNCLINE_CHECK_EQ(a, b)                                                       \
  do {                                                                                \
    if (!((a) == (b)))                                                                \
      ::syncline::internal::CheckFailed(__FILE__, __LINE__, #a " == " #b,             \
                                        ::syncline::internal::CheckValues((a), (b))); \
  } while (false)
