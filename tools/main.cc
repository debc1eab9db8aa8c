#include <algorithm>
#include <string_view>

#include "tools/last_resort.h"
#include "tools/program.h"

int main(int argc, char** argv) {
  const bool json = std::any_of(
      argv, argv + argc, [](const char* word) { return std::string_view(word) == "--json"; });
  syncline::cli::InstallLastResorts(json);
  return syncline::cli::RunProgram(argc, argv);
}
