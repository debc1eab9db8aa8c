#include "tools/program.h"

int main(int argc, char** argv) { return syncline::cli::RunProgram(argc, argv); }
