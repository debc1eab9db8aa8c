#pragma once

namespace syncline::cli {

// Takes the secrets of addresses out of the command line, which every user of the machine can read
// while the program runs (ps): the arguments are overwritten where they stand. Call it when they
// have been copied. Better is not to give them there: ${NAME} and ${file:/path} are for that.
void HideSecrets(int argc, char** argv);

}  // namespace syncline::cli
