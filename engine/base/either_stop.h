#pragma once

#include <functional>
#include <stop_token>
#include <utility>

namespace syncline {

// A token that is stopped as soon as one of two others is. Thread-safe, as stop tokens are.
class EitherStop {
 public:
  EitherStop(std::stop_token a, std::stop_token b)
      : by_a_(std::move(a), Stop{source_}), by_b_(std::move(b), Stop{source_}) {}
  EitherStop(const EitherStop&) = delete;
  EitherStop& operator=(const EitherStop&) = delete;

  std::stop_token token() const { return source_.get_token(); }

 private:
  struct Stop {
    std::stop_source source;
    void operator()() { source.request_stop(); }
  };

  std::stop_source source_;
  std::stop_callback<Stop> by_a_, by_b_;
};

}  // namespace syncline
