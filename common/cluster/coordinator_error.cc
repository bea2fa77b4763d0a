#include "common/cluster/coordinator_error.h"

namespace ottla::cluster {

ErrorCode coordinator_error(ErrorCode append, ErrorCode too_large) {
  switch (append) {
    case ErrorCode::UnknownTopicOrPartition:
    case ErrorCode::NotEnoughReplicas:
    case ErrorCode::NotEnoughReplicasAfterAppend:
    case ErrorCode::RequestTimedOut:
      return ErrorCode::CoordinatorNotAvailable;
    case ErrorCode::NotLeaderOrFollower:
    case ErrorCode::FencedLeaderEpoch:
    case ErrorCode::KafkaStorageError:
      return ErrorCode::NotCoordinator;
    case ErrorCode::MessageTooLarge:
    case ErrorCode::RecordListTooLarge:
    case ErrorCode::InvalidFetchSize:
      return too_large;
    default:
      return append;
  }
}

}  // namespace ottla::cluster
