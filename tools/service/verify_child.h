#pragma once

#include <stop_token>
#include <string>

namespace syncline::cli {

// Compares the two sides of a pipeline in a process of its own, `syncline verify`, so that it can
// be ended at any moment. Returns when they are equal; throws StopError that says how many rows
// differ, or that it could not be found out. Stopped, it just returns.
void VerifyInChild(const std::string& config_file, const std::string& pipeline,
                   std::stop_token stop);

}  // namespace syncline::cli
