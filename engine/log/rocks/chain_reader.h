#pragma once

#include <rocksdb/iterator.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/error.h"
#include "engine/log/folder/consumers.h"
#include "engine/log/log_reader.h"
#include "engine/log/rocks/log_view.h"

namespace syncline {

// LogReader's rules over any LogView: where the next frame must be, and whether it continues the
// chain (invariant 2). Private to engine/log.
//
// Every look at the store ends in one of three ways: the frame, nothing yet, or trouble (a hole, a
// bad status). After trouble the view is mended and looked at again, until it says that what is
// seen must be believed; then the trouble is thrown. A frame that is in its place but does not
// verify is thrown at once. The durable mark is read before every look: nothing behind it is
// delivered, and what lies before it must be there. Threads: one, as LogReader says.
class ChainReader : public LogReader {
 public:
  explicit ChainReader(std::unique_ptr<LogView> view);

  const LogInfo& info() const override { return view_->info(); }
  Offset end() override;
  Offset begin() override;
  void Seek(Offset offset, std::optional<uint64_t> previous_hash) override;
  std::optional<Frame> Next() override;
  std::optional<Frame> NextHeader() override;
  bool Wait(Microseconds duration, std::stop_token stop) override;
  std::unique_ptr<BaseReader> OpenBase() override;
  void Secure(Offset end) override;
  bool Acknowledge(const std::string& consumer, Offset next) override;
  std::vector<Consumer> Consumers() override;
  std::optional<WallTime> AcknowledgedAt(const std::string& consumer) override;
  void Forget(const std::string& consumer) override;
  std::optional<FrameHeader> Last() override;

 private:
  enum class Look { kFound, kNothing, kTrouble };

  // Looks until the answer is not trouble; true for kFound.
  template <typename Body>
  bool Insist(Body&& look);

  using Cursor = std::unique_ptr<rocksdb::Iterator>;

  // The writer's mark. After a change of epoch the view is opened anew, and RestartError thrown.
  Mark Durable();
  std::optional<Frame> Deliver(bool with_changes);
  Look LookForNext(bool with_changes, Frame& frame);
  // These two set `at` on the frame to deliver, seen afresh: the one that starts at position_, or
  // the one that holds it.
  Look SeekPosition(Cursor& at);
  Look SeekIntoPosition(Cursor& at);
  Look LookForTables(const FrameHeader& header, EncodedFrame::Tables& tables);
  // Null if it is not there.
  std::shared_ptr<const TableSchema> FindSchema(SchemaId id);
  void CheckChain(const FrameHeader& header) const;
  static void CheckMark(const FrameHeader& header, const Mark& mark);

  // Makes the cursor of the last frame a whole one.
  Look CompleteCursor(const Cursor& at, FrameHeader& last);
  Look Refresh(Cursor& at);
  // kFound if `at` is on a frame, kNothing if it is past the last one.
  Look Standing(const Cursor& at);
  Look Broken(Error error);
  Look Hole(std::string what);
  Look HoleBefore(Offset found);
  Look EndsTooEarly(Offset end, Offset expected);

  const std::unique_ptr<LogView> view_;
  syncline::Consumers consumers_;
  Offset secured_;  // the mark on the disk is here at least
  const std::shared_ptr<int> base_failures_ = std::make_shared<int>(0);
  std::map<SchemaId, std::shared_ptr<const TableSchema>> schemas_;

  Offset position_;                   // the next change to deliver
  bool chained_ = true;               // a frame must start exactly at position_
  std::optional<uint64_t> hash_ = 0;  // of the frame that ends at position_, where known
  Cursor at_;                         // on the frame delivered last, or null
  std::optional<Error> trouble_;
  bool broken_ = false;  // trouble_ is a bad status
};

}  // namespace syncline
