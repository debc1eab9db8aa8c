#include "engine/base/as_error.h"

#include <cerrno>
#include <filesystem>
#include <new>
#include <string>
#include <system_error>

namespace syncline {
namespace {

// A limit of this process or of the machine; one that another moment may not have.
Error OfTheSystem(const std::system_error& error) {
  const std::string what = std::string("the system does not give what is needed: ") + error.what();
  switch (error.code().value()) {
    case EAGAIN:
      return RetryError(what, "Allow this user more processes and threads (`ulimit -u`, the "
                              "service's TasksMax).");
    case ENOMEM:
      return RetryError(what, std::string(kMemoryHint));
    case EMFILE:
    case ENFILE:
      return RetryError(what, std::string(kFilesHint));
    default:
      return EnvironmentError(what, "Look at the system's log.");
  }
}

bool IsLimit(int error) {
  return error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE;
}

// A path that leads nowhere, or that this user may not go.
Error OfAPath(const std::filesystem::filesystem_error& error) {
  if (error.path1().empty() || IsLimit(error.code().value())) return OfTheSystem(error);
  return EnvironmentError(error.path1().string() + ": " + error.code().message(),
                          "Check the path, and the rights of this user on it and on the folders "
                          "above it.");
}

}  // namespace

Error AsError(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return RetryError("the system does not give the memory that is needed",
                      std::string(kMemoryHint));
  } catch (const std::filesystem::filesystem_error& error) {
    return OfAPath(error);
  } catch (const std::system_error& error) {
    return OfTheSystem(error);
  } catch (const std::exception& error) {
    return StopError(std::string("unexpected: ") + error.what(),
                     "This is a bug; please report it with the command that led here.");
  } catch (...) {
    return StopError("unexpected: an exception of an unknown type",
                     "This is a bug; please report it with the command that led here.");
  }
}

}  // namespace syncline
