#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace syncline {

// Files and folders for this process's user alone: folders have mode 0700 and files 0600, whatever
// the umask. Other users are trusted with nothing but root is: what belongs to somebody else, what
// somebody else may write to, and a way to it that somebody else may change is refused. All
// functions throw EnvironmentError, with what to do, and change nothing then.

// The way to `path`, whose end may be missing. No folder on it, also behind symbolic links, is open
// for all to write, unless its sticky bit keeps others from renaming what is in it, or it holds a
// folder of root's or this user's, closed to others, that leads on to another one: others can move
// that away, but put nothing of theirs in its place. A symbolic link in a folder that is open
// belongs to root or to this user. Whose the folders are is not asked: their owners
// and groups count as trusted.
void CheckWayTo(const std::filesystem::path& path);

// The folder that `path` lies in belongs to root or to this user, if it is there.
void CheckParentOf(const std::filesystem::path& path);

// Makes the folder and the parents that are missing; does nothing to one that is there. What was
// made, the deepest first.
std::vector<std::filesystem::path> MakePrivateFolder(const std::filesystem::path& folder);

// Refuses a folder that is not this user's, that group or others may write to, or that holds a
// symbolic link, a pipe, a device, or what belongs to somebody else; then takes all rights from
// group and others, on the folder and on everything in it. True: there were some. The way to the
// folder and its parent are checked, too.
bool TightenFolder(const std::filesystem::path& folder);

// What TightenFolder would answer or throw; changes nothing.
bool IsOpenToOthers(const std::filesystem::path& folder);

// For who only reads: refuses a folder that belongs to somebody else than root or this user, or
// that group or others may write to. Root may read what is anybody's. A folder that is not there
// is nobody's.
void CheckFolderToRead(const std::filesystem::path& folder);

// Whether the folder is there and belongs to this user.
bool IsOwnFolder(const std::filesystem::path& folder);

// Makes a file that is not there, and opens it for reading and writing: a descriptor, closed when
// a program is run, or -1 with errno, EEXIST if there is anything of that name.
int MakePrivateFile(const std::filesystem::path& file);

// Refuses what is no plain file, is not this user's, or may be written by group or others; then
// takes all rights from them. True: there were some; nothing: there is no such file. No lock that
// this process holds on the file is lost.
std::optional<bool> TightenFile(const std::filesystem::path& file);

// Opens the file for reading and writing; one that is there is tightened, one that is missing is
// made. -1 with errno if it cannot be opened.
int OpenPrivateFile(const std::filesystem::path& file);

// Whether every folder on the way to the file lets all users of this machine through. The file
// itself may be missing.
bool CanAllReach(const std::filesystem::path& file);

// Whether any user of this machine may read the file: its mode says so, and all can reach it.
bool IsReadableByAll(const std::filesystem::path& file);

// "root", or "uid 1234" where it has no name.
std::string UserName(unsigned uid);

}  // namespace syncline
