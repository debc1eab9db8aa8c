#include "tools/service/poll_notes.h"

namespace syncline::cli {

PollNotes::PollNotes(const LogPlace& log, const LogId& id, const Clock& clock)
    : writer_(log.OpenPollNote(id)) {
  if (const auto before = log.ReadPollNote(id)) note_.polled = before->polled;
  note_.started = clock.Now();
  if (writer_ != nullptr) writer_->Write(note_);
}

std::function<void(std::optional<WallTime>, uint64_t)> PollNotes::Noting() {
  return [this](std::optional<WallTime> polled, uint64_t loading) {
    if (polled) note_.polled = polled;
    note_.loading = loading;
    if (writer_ != nullptr) writer_->Write(note_);
  };
}

}  // namespace syncline::cli
