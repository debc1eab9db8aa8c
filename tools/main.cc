#include <stdlib.h>

#include <string>
#include <vector>

#include "tools/commands/argument_secrets.h"
#include "tools/commands/last_resort.h"
#include "tools/commands/program.h"

int main(int argc, char** argv) {
  syncline::cli::OccupyStandardFiles();
  syncline::cli::InstallLastResorts(syncline::cli::AsksForJson(argc, argv));
  // libpq would begin each session with it, which hides the zone that the database has configured.
  ::unsetenv("PGTZ");
  const std::vector<std::string> copied(argv, argv + argc);
  std::vector<const char*> arguments;
  for (const std::string& argument : copied) arguments.push_back(argument.c_str());
  syncline::cli::HideSecrets(argc, argv);
  return syncline::cli::RunProgram(argc, arguments.data());
}
