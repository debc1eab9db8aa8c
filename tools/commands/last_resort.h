#pragma once

namespace syncline::cli {

// What the process does where no exception can tell anybody that the system gives no more: memory
// that operator new is not given, wherever that is, and exceptions that leave a thread, also one of
// a library's. It says so on stderr, with a hint, and ends at once with exit code 3. Logs and
// targets are then as after a kill: nothing that was acknowledged is lost, nothing is half done.
// To go on is no choice: what runs out of memory half-way holds locks that nobody would release.
//
// An exception that is a bug still aborts. To be called once, before any thread; `json`: the error
// is told as JSON.
void InstallLastResorts(bool json);

// Opens /dev/null for those of stdin, stdout and stderr that the caller has closed, so that no file
// that is opened later gets their numbers and, with them, what is printed. What is printed to a
// stdout that was closed is an error (EBADF), as it would have been. To be called first of all.
void OccupyStandardFiles();

}  // namespace syncline::cli
