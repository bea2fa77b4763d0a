#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/id.h"

namespace ottla::cli {

/// A stretch of a log as one replica has it: a batch, or one record of a compacted log.
struct LogPiece {
  Offset first;
  Offset last;
  std::size_t bytes = 0;
  std::uint32_t checksum = 0;  ///< Of every byte; of a record: of what a cleaner does not change.
  LeaderEpoch leader_epoch = kUnknownLeaderEpoch;
  bool is_damaged = false;  ///< Its own CRC does not match, or it cannot be read.

  friend bool operator==(const LogPiece&, const LogPiece&) = default;
};

/// What a replica has shown of a partition.
struct ReplicaPieces {
  BrokerId broker;
  std::vector<LogPiece> pieces;
  Offset end;  ///< Exclusive: up to here `pieces` is all there is.
};

/// The whole batches in what a broker sent, which asked for `from` on. By record: what is left of
/// each batch counts, since every replica is cleaned on its own.
[[nodiscard]] ReplicaPieces read_pieces(BrokerId broker, ByteView sent, Offset from,
                                        bool by_record);

/// One place where replicas are not the same.
struct ReplicaDifference {
  Offset offset;
  /// Who has what; what most of them have comes first.
  std::vector<std::pair<std::string, std::vector<BrokerId>>> versions;
};

struct ReplicaComparison {
  Offset end;  ///< Exclusive: up to here they are compared.
  std::vector<ReplicaDifference> differences;
};

/// Compares what replicas have from an offset on, as far as all of them have shown it. With
/// `may_have_gaps` only what stands at the same offset must be the same.
[[nodiscard]] ReplicaComparison compare_replicas(Offset from,
                                                 const std::vector<ReplicaPieces>& replicas,
                                                 bool may_have_gaps);

/// "broker 2 has A, brokers 1, 3 have B".
[[nodiscard]] std::string text_of(const ReplicaDifference& difference);

}  // namespace ottla::cli
