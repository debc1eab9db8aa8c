#include "engine/base/private_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <fstream>
#include <memory>
#include <system_error>
#include <utility>

#include "engine/base/error.h"
#include "engine/base/file.h"
#include "engine/base/printable.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;
constexpr mode_t kOthers = 0077;
constexpr mode_t kOthersWrite = 0022;
constexpr int kLinksMax = 40;     // as the kernel follows
constexpr int kDepthMax = 4;      // of folders in a folder of ours
constexpr int kMakeTriesMax = 3;  // of a file that comes and goes

std::string Quoted(const fs::path& path) { return "'" + Printable(path.string()) + "'"; }

std::string ModeText(mode_t mode) {
  std::array<char, 8> text;
  std::snprintf(text.data(), text.size(), "%04o", mode & 07777u);
  return text.data();
}

Error Trouble(std::string_view doing, const fs::path& path, int number) {
  return EnvironmentError(std::string(doing) + " " + path.string() + ": " + std::strerror(number),
                          "give the user that runs syncline read and write access to the folder, "
                          "or choose another one");
}

// Owners of files outside of a user namespace have no number in it: nobody here is that user.
bool IsUnmapped(uid_t owner) {
  uint64_t first = 0, outside = 0, count = 0, overflow = 0;
  std::ifstream("/proc/self/uid_map") >> first >> outside >> count;
  std::ifstream("/proc/sys/kernel/overflowuid") >> overflow;
  return count != 0 && count < UINT32_MAX && owner == overflow;
}

bool IsTrusted(uid_t owner) { return owner == 0 || owner == ::geteuid() || IsUnmapped(owner); }

Error NotOurs(std::string_view what, const fs::path& path, uid_t owner) {
  const std::string own = UserName(::geteuid());
  return EnvironmentError(
      std::string(what) + " " + path.string() + " belongs to the user " + UserName(owner) +
          ", and syncline runs as " + own,
      "run syncline as that user; or, if all that is in it can be trusted: chown -R " + own + " " +
          Quoted(path));
}

Error OpenToOthers(std::string_view what, const fs::path& path, mode_t mode, const fs::path& top) {
  return EnvironmentError(
      std::string(what) + " " + path.string() + " may be written by other users (mode " +
          ModeText(mode) + ")",
      "look whether what is in it is still yours; then: chmod -R go-w " + Quoted(top));
}

// Whether nobody can put anything of theirs in the place of what was found there: in its place has
// to be a folder of root's or this user's again, which others may not write to.
bool IsFirm(const struct stat& found) {
  return S_ISDIR(found.st_mode) && IsTrusted(found.st_uid) && (found.st_mode & S_IWOTH) == 0;
}

// A folder that holds something on the way to `end`. True: everybody may put something into it.
// `leads_on`: what it holds is a firm folder, which leads on to another one.
bool CheckHolder(const fs::path& folder, const fs::path& end, bool leads_on) {
  struct stat found = {};
  if (::stat(folder.c_str(), &found) != 0) throw Trouble("looking at", folder, errno);
  if ((found.st_mode & S_IWOTH) == 0) return false;
  if ((found.st_mode & S_ISVTX) != 0 || leads_on) return true;
  throw EnvironmentError("all users may write to the folder " + folder.string() + " (mode " +
                             ModeText(found.st_mode) + "), and rename what is in it, such as " +
                             end.string(),
                         "chmod o-w " + Quoted(folder) + ", or choose another place");
}

std::deque<fs::path> PartsOf(const fs::path& path) {
  const fs::path relative = path.relative_path();
  return {relative.begin(), relative.end()};
}

// What lies in the folder `fd`, which is one of ours or in one.
class Tightening {
 public:
  explicit Tightening(const fs::path& top) : top_(top) {}

  // The folder that is open as `fd`. Checks all before it changes anything.
  bool Run(int fd, bool changes) {
    Visit(fd, top_, /*changes=*/false, 0);
    if (found_ && changes) Visit(fd, top_, /*changes=*/true, 0);
    return found_;
  }

 private:
  void Visit(int fd, const fs::path& folder, bool changes, int depth) {
    struct stat is = {};
    if (::fstat(fd, &is) != 0) throw Trouble("looking at", folder, errno);
    if (is.st_uid != ::geteuid()) throw NotOurs("the folder", folder, is.st_uid);
    if ((is.st_mode & kOthersWrite) != 0) {
      throw OpenToOthers("the folder", folder, is.st_mode, top_);
    }
    if ((is.st_mode & kOthers) != 0) found_ = true;
    if (changes && (is.st_mode & kOthers) != 0) {
      if (::fchmod(fd, kFolderMode) != 0) throw Trouble("chmod 0700", folder, errno);
      if (::fstat(fd, &is) != 0 || (is.st_mode & kOthers) != 0) {
        throw EnvironmentError("the file system of " + folder.string() + " keeps no permissions",
                               "choose a folder on another one");
      }
    }
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(
        ::fdopendir(::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), &::closedir);
    if (entries == nullptr) throw Trouble("looking into", folder, errno);
    while (const dirent* entry = ::readdir(entries.get())) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") VisitEntry(fd, folder, name, changes, depth);
    }
  }

  void VisitEntry(int fd, const fs::path& folder, const std::string& name, bool changes,
                  int depth) {
    const fs::path path = folder / name;
    struct stat is = {};
    if (::fstatat(fd, name.c_str(), &is, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return;  // a writer removes files at any moment
      throw Trouble("looking at", path, errno);
    }
    if (S_ISDIR(is.st_mode) && depth < kDepthMax) {
      const file::Descriptor inner(
          ::openat(fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (inner.get() >= 0) return Visit(inner.get(), path, changes, depth + 1);
      if (errno == ENOENT) return;
      throw Trouble("looking into", path, errno);
    }
    if (!S_ISREG(is.st_mode) && !S_ISSOCK(is.st_mode)) {
      throw EnvironmentError(path.string() +
                                 " is no file of syncline's: a symbolic link, a pipe, "
                                 "a device or a folder",
                             "look at who has put it there, and move it away");
    }
    if (!IsTrusted(is.st_uid)) throw NotOurs("the file", path, is.st_uid);
    if (S_ISSOCK(is.st_mode)) return;  // both ends look at who the other one is
    if ((is.st_mode & kOthersWrite) != 0) throw OpenToOthers("the file", path, is.st_mode, top_);
    if ((is.st_mode & kOthers) == 0 || is.st_uid != ::geteuid()) return;
    found_ = true;
    if (!changes) return;
    // Nobody else gets into the folder by now, so that the name is still that file's.
    if (::fchmodat(fd, name.c_str(), is.st_mode & 0700, 0) != 0 && errno != ENOENT) {
      throw Trouble("chmod 0600", path, errno);
    }
  }

  const fs::path top_;
  bool found_ = false;
};

}  // namespace

std::string UserName(unsigned uid) {
  std::array<char, 4096> buffer;
  passwd entry = {};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
    return found->pw_name;
  }
  return "uid " + std::to_string(uid);
}

void CheckWayTo(const fs::path& path) {
  const fs::path end = fs::absolute(path);
  std::deque<fs::path> left = PartsOf(end);
  fs::path at = "/";
  int links = 0;
  while (!left.empty()) {
    const fs::path name = std::move(left.front());
    left.pop_front();
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      at = at.parent_path();
      continue;
    }
    const fs::path next = at / name;
    struct stat is = {};
    const int missing = ::lstat(next.c_str(), &is) == 0 ? 0 : errno;
    const bool is_last =
        std::ranges::all_of(left, [](const fs::path& part) { return part.empty() || part == "."; });
    const bool is_public = CheckHolder(at, end, missing == 0 && !is_last && IsFirm(is));
    if (missing == ENOENT) return;
    if (missing != 0) throw Trouble("looking at", next, missing);
    if (!S_ISLNK(is.st_mode)) {
      at = next;
      continue;
    }
    if (is_public && !IsTrusted(is.st_uid)) {
      throw NotOurs("the symbolic link", next, is.st_uid);
    }
    if (++links > kLinksMax) throw Trouble("following", next, ELOOP);
    std::error_code error;
    const fs::path target = fs::read_symlink(next, error);
    if (error) throw Trouble("following", next, error.value());
    if (target.is_absolute()) at = "/";
    const std::deque<fs::path> parts = PartsOf(target);
    left.insert(left.begin(), parts.begin(), parts.end());
  }
}

void CheckParentOf(const fs::path& path) {
  const fs::path parent = fs::absolute(path / ".").lexically_normal().parent_path().parent_path();
  struct stat found = {};
  if (::stat(parent.c_str(), &found) != 0 || IsTrusted(found.st_uid)) return;
  throw EnvironmentError(
      "the folder " + parent.string() + " belongs to the user " + UserName(found.st_uid) +
          ", who may put something else in the place of " + path.string(),
      "run syncline as that user, or choose a place in a folder of " + UserName(::geteuid()));
}

std::vector<fs::path> MakePrivateFolder(const fs::path& folder) {
  const fs::path whole = fs::absolute(folder / ".").lexically_normal().parent_path();
  std::vector<fs::path> missing;  // deepest first
  std::error_code error;
  for (fs::path at = whole; !fs::exists(at, error) && !error; at = at.parent_path()) {
    missing.push_back(at);
  }
  if (error) throw Trouble("making the folder", folder, error.value());
  if (!missing.empty()) CheckWayTo(whole);
  for (auto path = missing.rbegin(); path != missing.rend(); ++path) {
    // The umask can only have taken rights away, from the user at that.
    if (::mkdir(path->c_str(), kFolderMode) == 0) {
      if (::chmod(path->c_str(), kFolderMode) == 0) continue;
    } else if (errno == EEXIST && fs::is_directory(*path, error)) {
      continue;  // another process was quicker
    }
    throw Trouble("making the folder", folder, errno);
  }
  return missing;
}

namespace {

// True: others have rights on the folder, or had.
bool LookAtFolder(const fs::path& folder, bool changes) {
  CheckWayTo(folder);
  std::error_code error;
  const fs::path whole = fs::canonical(folder, error);
  if (error) throw Trouble("looking at", folder, error.value());
  CheckParentOf(folder);
  CheckParentOf(whole);
  const file::Descriptor opened(
      ::open(whole.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat is = {};
  if (opened.get() < 0) {
    const int number = errno;
    if (::stat(whole.c_str(), &is) == 0 && is.st_uid != ::geteuid()) {
      throw NotOurs("the folder", folder, is.st_uid);
    }
    throw Trouble("looking into the folder", folder, number);
  }
  return Tightening(whole).Run(opened.get(), changes);
}

}  // namespace

bool TightenFolder(const fs::path& folder) { return LookAtFolder(folder, /*changes=*/true); }

bool IsOpenToOthers(const fs::path& folder) { return LookAtFolder(folder, /*changes=*/false); }

void CheckFolderToRead(const fs::path& folder) {
  struct stat is = {};
  if (::stat(folder.c_str(), &is) != 0) return;
  if (!IsTrusted(is.st_uid) && ::geteuid() != 0) throw NotOurs("the folder", folder, is.st_uid);
  if ((is.st_mode & kOthersWrite) != 0) {
    throw OpenToOthers("the folder", folder, is.st_mode, folder);
  }
}

bool IsOwnFolder(const fs::path& folder) {
  struct stat is = {};
  return ::stat(folder.c_str(), &is) == 0 && S_ISDIR(is.st_mode) && is.st_uid == ::geteuid();
}

int MakePrivateFile(const fs::path& file) {
  file::Descriptor made(
      ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode));
  // The umask may have taken rights from the user, too.
  if (made.get() >= 0 && ::fchmod(made.get(), kFileMode) != 0) return -1;
  return made.Release();
}

// Through a descriptor that only names the file: closing an ordinary one would let go of the locks
// that this process holds on it (fcntl(2)).
std::optional<bool> TightenFile(const fs::path& file) {
  const file::Descriptor named(::open(file.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat is = {};
  if (named.get() < 0 && errno == ENOENT) return {};
  if (named.get() < 0 || ::fstat(named.get(), &is) != 0) throw Trouble("looking at", file, errno);
  if (!S_ISREG(is.st_mode)) {
    throw EnvironmentError(file.string() + " is no plain file",
                           "look at who has put it there, and move it away");
  }
  if (is.st_uid != ::geteuid()) throw NotOurs("the file", file, is.st_uid);
  if ((is.st_mode & kOthersWrite) != 0) throw OpenToOthers("the file", file, is.st_mode, file);
  if ((is.st_mode & kOthers) == 0) return false;
  const std::string same = "/proc/self/fd/" + std::to_string(named.get());
  if (::chmod(same.c_str(), is.st_mode & 0700) != 0) throw Trouble("chmod 0600", file, errno);
  return true;
}

int OpenPrivateFile(const fs::path& file) {
  for (int tries = 0; tries < kMakeTriesMax; ++tries) {
    if (TightenFile(file)) return ::open(file.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    const int made = MakePrivateFile(file);
    if (made >= 0 || errno != EEXIST) return made;
  }
  return -1;
}

bool CanAllReach(const fs::path& file) {
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(fs::absolute(file), error);
  if (error) return false;
  for (fs::path at = whole.parent_path();; at = at.parent_path()) {
    struct stat is = {};
    if (::stat(at.c_str(), &is) != 0 || (is.st_mode & S_IXOTH) == 0) return false;
    if (at == at.parent_path()) return true;
  }
}

bool IsReadableByAll(const fs::path& file) {
  struct stat is = {};
  return ::stat(file.c_str(), &is) == 0 && (is.st_mode & S_IROTH) != 0 && CanAllReach(file);
}

}  // namespace syncline
