#include "tools/config/expansion.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>

#include "engine/base/error.h"
#include "engine/sql/url_secrets.h"

namespace syncline::cli {
namespace {

constexpr std::string_view kFile = "file:";
constexpr size_t kFileBytesMax = 64u << 10;

// What stands between ${ and }, or the problem.
struct Value {
  std::string text;
  std::string problem;
};

bool IsVariable(std::string_view name) {
  const auto is_letter = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::ranges::all_of(name, is_letter);
}

// All of the file that may be taken, and one byte more; nothing: errno says why.
std::optional<std::string> Read(int fd) {
  std::string content;
  std::array<char, 4096> bytes;
  while (content.size() <= kFileBytesMax) {
    const ssize_t count = ::read(fd, bytes.data(), bytes.size());
    if (count == 0) break;
    if (count < 0 && errno != EINTR) return {};
    if (count > 0) content.append(bytes.data(), static_cast<size_t>(count));
  }
  return content;
}

Value ContentOf(const std::string& path) {
  if (!std::filesystem::path(path).is_absolute()) {
    return {{}, fmt::format("the file \"{}\" needs an absolute path", path)};
  }
  // Without O_NONBLOCK a pipe would be waited for.
  const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  struct stat is = {};
  if (fd < 0) return {{}, fmt::format("the file {}: {}", path, std::strerror(errno))};
  std::optional<std::string> content;
  std::string problem;
  if (::fstat(fd, &is) != 0 || !S_ISREG(is.st_mode)) {
    problem = fmt::format("{} is no plain file", path);
  } else if (content = Read(fd); !content) {
    problem = fmt::format("the file {}: {}", path, std::strerror(errno));
  } else if (content->size() > kFileBytesMax) {
    problem = fmt::format("the file {} has more than {} bytes", path, kFileBytesMax);
  } else if (content->find('\0') != content->npos) {
    problem = fmt::format("there is a zero byte in the file {}", path);
  }
  ::close(fd);
  if (!problem.empty()) return {{}, std::move(problem)};
  if (content->ends_with('\n')) content->pop_back();
  if (content->ends_with('\r')) content->pop_back();
  if (content->empty()) return {{}, fmt::format("the file {} is empty", path)};
  return {*std::move(content), {}};
}

Value ValueOf(const std::string& name) {
  if (name.starts_with(kFile)) return ContentOf(name.substr(kFile.size()));
  // What is no name may be part of a password.
  if (!IsVariable(name)) {
    return {{},
            "between ${ and } stands neither the name of an environment variable nor "
            "file:/path; write $${ where the two characters are meant"};
  }
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return {{}, fmt::format("the environment variable {} is not set", name)};
  return {value, {}};
}

// Gives every piece of the text to one of the two; what `reference` answers is a problem, which
// ends the walk, unless it is empty.
std::string Walk(std::string_view text, const std::function<void(std::string_view)>& plain,
                 const std::function<std::string(const std::string&)>& reference) {
  for (size_t at = 0; at < text.size();) {
    if (text.substr(at, 3) == "$${") {
      plain("${");
      at += 3;
    } else if (text.substr(at, 2) != "${") {
      plain(text.substr(at++, 1));
    } else {
      const size_t end = text.find('}', at);
      if (end == text.npos) {
        return "a ${ without its }; write $${ where the two characters are meant";
      }
      std::string problem = reference(std::string(text.substr(at + 2, end - at - 2)));
      if (!problem.empty()) return problem;
      at = end + 1;
    }
  }
  return {};
}

}  // namespace

Expansion Expand(const std::string& text) {
  Expansion out;
  out.problem = Walk(
      text, [&](std::string_view piece) { out.text += piece; },
      [&](const std::string& name) {
        Value value = ValueOf(name);
        out.text += value.text;
        return std::move(value.problem);
      });
  return out;
}

bool HasReference(std::string_view text) {
  bool has = false;
  const std::string problem = Walk(
      text, [](std::string_view) {},
      [&](const std::string&) {
        has = true;
        return std::string();
      });
  return has || !problem.empty();
}

std::vector<std::filesystem::path> FilesReferredTo(const std::string& text) {
  std::vector<std::filesystem::path> files;
  Walk(
      text, [](std::string_view) {},
      [&](const std::string& name) {
        if (name.starts_with(kFile)) files.emplace_back(name.substr(kFile.size()));
        return std::string();
      });
  return files;
}

bool HoldsSecret(const std::string& address) {
  return std::ranges::any_of(sql::SecretsIn(address), [&](const sql::UrlSecret& secret) {
    return !HasReference(address.substr(secret.begin, secret.end - secret.begin));
  });
}

sql::DatabaseUrl ParseAddress(const std::string& text) {
  const Expansion expansion = Expand(text);
  if (!expansion.problem.empty()) {
    throw UsageError("in the address: " + expansion.problem,
                     "${NAME} takes a value from the environment, ${file:/path} from a file");
  }
  return sql::DatabaseUrl::Parse(expansion.text, std::filesystem::current_path());
}

}  // namespace syncline::cli
