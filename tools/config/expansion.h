#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sql/database_url.h"

namespace syncline::cli {

// A text in which references have been replaced. Plain value type.
struct Expansion {
  std::string text;
  std::string problem;  // empty: none. Names variables and files, never what is in them
};

// ${NAME} becomes the value of an environment variable, ${file:/path} the content of a file without
// the line break at its end; $${ stands for ${ itself. What has come out of a variable or a file is
// not expanded again. A file has an absolute path, is a plain one (also behind links) of at most
// 64 KiB, and holds no zero byte.
Expansion Expand(const std::string& text);

// Whether a text has a reference that Expand would replace.
bool HasReference(std::string_view text);

// The files that a text refers to.
std::vector<std::filesystem::path> FilesReferredTo(const std::string& text);

// Whether a secret of the address stands in it as it is, not as a reference.
bool HoldsSecret(const std::string& address);

// An address from the command line; relative paths are taken from the current folder. Throws
// UsageError for what is no address, and for a reference that cannot be replaced.
sql::DatabaseUrl ParseAddress(const std::string& text);

}  // namespace syncline::cli
