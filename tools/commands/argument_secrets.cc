#include "tools/commands/argument_secrets.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "engine/sql/url_secrets.h"

namespace syncline::cli {

// What is no valid address is hidden by the same rules: it may be a mistyped one.
void HideSecrets(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const size_t start = argument.find("postgres");
    if (start == argument.npos || argument.find("://", start) == argument.npos) continue;
    char* const address = argv[i] + start;
    const size_t size = argument.size() - start;
    std::string shown = sql::WithoutSecrets(argument.substr(start));
    // An '@' that is left stands in a password which is not escaped.
    if (const size_t at = shown.rfind('@'); at != shown.npos) {
      const size_t user = shown.find("://") + 3;
      const size_t user_end = std::min(shown.find_first_of(":@/", user), at);
      shown.erase(user_end, at - user_end);
    }
    shown.resize(size, '\0');
    std::memcpy(address, shown.data(), size);
  }
}

}  // namespace syncline::cli
