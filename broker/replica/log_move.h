#pragma once

#include <cstdint>

#include "broker/storage/log_types.h"
#include "common/base/id.h"

namespace ottla::replica {

/// The way of one partition to another log dir of its broker (KIP-113): a future replica follows
/// the log as an ordinary follower follows its leader, and takes its place once it has all of it.
///
///     Copying --prepared--> Prepared --switched--> Switched --retired--> Done
///
/// A cut leads from Prepared back to Copying. In both it copies, and cuts where the log was cut.
/// Prepared: the copy was synced, and the note is on the disk by which a start after a crash knows
/// which log counts. A crash before Switched finds the log and a future log, and begins again in
/// Copying with what is there; one after it finds the new log. Without I/O: `next` says what to do,
/// the others what was done.
/// Thread: the owner's.
class LogMove {
 public:
  enum class State : std::uint8_t { Copying, Prepared, Switched, Done };

  /// What both logs look like.
  struct Picture {
    Offset log_start, log_end;
    Offset future_start, future_end;
    LeaderEpoch future_epoch = kUnknownLeaderEpoch;  ///< Of the future log's last record.
    storage::EpochEndOffset log_answer;     ///< The log's end_offset_for_epoch(future_epoch).
    storage::EpochEndOffset future_answer;  ///< The future's, for the epoch of `log_answer`.
    bool was_cut = false;                   ///< The log, since the last picture.
  };

  struct Step {
    enum class Kind : std::uint8_t {
      Copy,         ///< Records from the end of the future log on.
      TruncateTo,   ///< The future log, as all below that cut it.
      StartAnewAt,  ///< Empty.
      RaiseStartTo,
      Prepare,
      Switch,  ///< While nobody appends: copies what is left.
      Retire,  ///< Removes the old log.
      None,
    } kind;
    Offset offset{};  ///< Of the cuts.
    friend bool operator==(const Step&, const Step&) = default;
  };

  [[nodiscard]] Step next(const Picture& picture) const;
  [[nodiscard]] State state() const { return state_; }

  /// `reached_end`: of the log, as it was when its records were read.
  void on_copied(bool reached_end) { is_near_ = reached_end; }
  /// What is copied again was not synced yet.
  void on_cut();
  void on_prepared();
  /// False: something was appended or cut that could not be followed in the short time.
  void on_switched(bool done);
  void on_retired();

 private:
  State state_ = State::Copying;
  bool is_near_ = false;  ///< The last copy reached the end of the log.
};

}  // namespace ottla::replica
