#pragma once

#include <memory>

namespace syncline {

class LogCatalog;
class LogPlace;

// Names one log of a catalogue, be it there or not (log_catalog.h). Cheap to copy, constant: for
// any thread.
using LogRef = std::shared_ptr<const LogPlace>;

}  // namespace syncline
