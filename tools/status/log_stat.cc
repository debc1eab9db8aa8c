#include "tools/status/log_stat.h"

#include "capture/cursor/stored_cursor.h"
#include "tools/support/duration.h"

namespace syncline::cli {

LogStat GlanceAtLog(LogReader& reader, uint64_t bytes_on_disk) {
  LogStat stat;
  stat.info = reader.info();
  stat.begin = reader.begin();
  stat.end = reader.end();
  stat.bytes_on_disk = bytes_on_disk;
  if (stat.begin > Offset(0)) stat.base = reader.OpenBase()->info();
  stat.consumers = reader.Consumers();
  if (std::optional<FrameHeader> last = reader.Last()) {
    stat.last = last->written_at;
    stat.cut_open = !last->closes_cut;
    stat.cursor = capture::DescribeCursor(last->cursor);
  }
  return stat;
}

LogStat ReadLogStat(LogReader& reader, uint64_t bytes_on_disk) {
  LogStat stat = GlanceAtLog(reader, bytes_on_disk);
  reader.Seek(stat.begin);
  Offset at = stat.begin;
  while (at < stat.end) {
    std::optional<Frame> frame = reader.NextHeader();
    if (!frame) break;
    if (!stat.first) stat.first = frame->header.written_at;
    ++stat.frames;
    stat.bytes += frame->header.body_bytes;
    stat.stored_bytes += frame->header.entry_bytes;
    if (frame->header.closes_cut) ++stat.cuts;
    at = frame->header.end();
  }
  stat.end = at;
  return stat;
}

Json LogStatJson(const std::string& source, const LogStat& stat) {
  Json json = {{"source", source},
               {"log_id", stat.info.id.ToString()},
               {"epoch", stat.info.epoch},
               {"database", stat.info.source},
               {"begin", stat.begin.value()},
               {"end", stat.end.value()},
               {"changes", stat.changes()},
               {"bytes_on_disk", stat.bytes_on_disk},
               {"cut_open", stat.cut_open}};
  if (stat.frames > 0) {
    json["frames"] = stat.frames;
    json["bytes"] = stat.bytes;
    json["stored_bytes"] = stat.stored_bytes;
    json["cuts"] = stat.cuts;
  }
  if (stat.first) json["first_written_at"] = FormatTime(*stat.first);
  if (stat.last) json["last_written_at"] = FormatTime(*stat.last);
  json["cursor"] = stat.cursor;
  if (stat.base) {
    json["base"] = {{"as_of", stat.base->as_of.value()},
                    {"written_at", FormatTime(stat.base->written_at)},
                    {"entries", stat.base->entries},
                    {"deletions_from", stat.base->deletions_from.value()}};
  }
  json["consumers"] = Json::array();
  for (const Consumer& consumer : stat.consumers) {
    const uint64_t behind = stat.end > consumer.next ? stat.end - consumer.next : 0;
    json["consumers"].push_back(
        {{"pipeline", consumer.name}, {"next", consumer.next.value()}, {"behind", behind}});
  }
  return json;
}

}  // namespace syncline::cli
