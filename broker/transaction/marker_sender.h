#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/metadata/metadata_cache.h"
#include "broker/transaction/coordinator_core.h"
#include "broker/transaction/marker_receiver.h"
#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/rpc/transactions.h"

namespace ottla::transaction {

/// Markers on their way to the leaders of their partitions, this broker or others. One request is
/// under way to each broker; what comes meanwhile goes together with the next.
/// Thread: `loop`.
class MarkerSender final : public MarkerChannel {
 public:
  struct Dependencies {
    BrokerId self;
    std::string nonce;  ///< Of this start of the process.
    metadata::MetadataCache& metadata;
    rpc::TransactionPeers& peers;
    MarkerReceiver& here;
    env::Executor& loop;
    env::Duration timeout;
  };

  explicit MarkerSender(Dependencies with) : with_(std::move(with)) {}

  void write(replica::TransactionMarker marker, Callback<std::vector<MarkerOutcome>> done) override;
  /// What is under way is not answered any more.
  void stop() { *alive_ = false; }

 private:
  /// A call of `write`, until all its partitions are told.
  struct Call {
    std::vector<MarkerOutcome> outcomes;
    std::size_t left = 0;
    Callback<std::vector<MarkerOutcome>> done;

    void settle(std::size_t index, MarkerOutcome outcome);
  };
  /// A part of a call: the partitions that one broker leads.
  struct Part {
    replica::TransactionMarker marker;
    std::vector<std::size_t> indexes;  ///< Of the call.
    std::shared_ptr<Call> call;
  };
  struct Destination {
    std::vector<Part> waiting;
    bool is_busy = false;
    bool is_due = false;  ///< A flush is posted.
    std::uint64_t last_number = 0;
  };

  void flush_soon(BrokerId broker);
  void flush(BrokerId broker);
  void on_answer(BrokerId broker, const std::vector<Part>& parts,
                 const Result<protocol::WriteTxnMarkersResponse>& answer);

  const Dependencies with_;
  std::map<BrokerId, Destination> destinations_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ottla::transaction
