#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace syncline::sql {

// A secret in a postgresql:// address: its value's place in the text. Plain value type.
struct UrlSecret {
  std::string name;  // "password", "sslpassword", ..: the option's, decoded
  size_t begin = 0;
  size_t end = 0;
};

// Every secret of the address, in the order of the text. Options are judged by their decoded names
// (`pass%77ord` is a password), by libpq's own list of what must not be shown, and by what their
// names say. A reference to a secret that is still to be filled in, ${NAME}, counts as its value.
std::vector<UrlSecret> SecretsIn(std::string_view uri);

// The address for messages: without the password before the '@', and without secret options.
std::string WithoutSecrets(std::string_view uri);

// Where host and path begin: behind the user and password, which end, as libpq has it, at the first
// '@' if no '/' stands before it. A '?' may be part of a password. `uri` has a "://".
size_t HostStart(std::string_view uri);

// %41 is A; what is no such escape stays.
std::string PercentDecoded(std::string_view text);

}  // namespace syncline::sql
