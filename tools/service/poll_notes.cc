#include "tools/service/poll_notes.h"

namespace syncline::cli {

PollNotes::PollNotes(const std::filesystem::path& folder, const LogId& id, const Clock& clock)
    : file_(PollNoteFile::Open(folder, id)) {
  if (const auto before = ReadPollNote(folder, id)) note_.polled = before->polled;
  note_.started = clock.Now();
  if (file_ != nullptr) file_->Write(note_);
}

std::function<void(std::optional<WallTime>, uint64_t)> PollNotes::Noting() {
  return [this](std::optional<WallTime> polled, uint64_t loading) {
    if (polled) note_.polled = polled;
    note_.loading = loading;
    if (file_ != nullptr) file_->Write(note_);
  };
}

}  // namespace syncline::cli
