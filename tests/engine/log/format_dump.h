#pragma once

#include <cctype>
#include <cstdlib>
#include <fstream>
#include <string>

namespace syncline {

// The bytes in FORMAT.md's dump under `heading` ("### Value"): its lines are
// "0010  61 62 ...  what".
inline std::string ReadFormatDump(const std::string& path, const std::string& heading) {
  std::ifstream file(path);
  std::string line, bytes;
  while (std::getline(file, line) && line != heading) {
  }
  while (std::getline(file, line) && !line.starts_with("#")) {
    if (line.size() < 6 || line.find_first_not_of("0123456789abcdef") != 4) continue;
    for (size_t at = 6; at + 1 < line.size() && std::isxdigit(line[at]) != 0; at += 3) {
      bytes += static_cast<char>(std::strtol(line.substr(at, 2).c_str(), nullptr, 16));
    }
  }
  return bytes;
}

}  // namespace syncline
