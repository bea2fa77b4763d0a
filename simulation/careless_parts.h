#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"
#include "broker/replica/surroundings.h"
#include "broker/replica/transaction_verifier.h"
#include "broker/transaction/marker_receiver.h"
#include "common/rpc/transactions.h"

namespace ottla::simulation {

/// Promises nothing to acks=all: Bug::CommitsBelowMinIsr.
class CarelessTopics final : public replica::TopicConfigs {
 public:
  explicit CarelessTopics(const replica::TopicConfigs& inner) : inner_(inner) {}
  [[nodiscard]] replica::TopicConfig topic_config(const std::string& topic) const override {
    replica::TopicConfig config = inner_.topic_config(topic);
    config.min_insync_replicas = 1;
    return config;
  }

 private:
  const replica::TopicConfigs& inner_;
};

/// Takes followers for ones of the epoch that the leader is in:
/// Bug::FeedsFollowersOfOtherEpochs.
class EpochBlindFeeds final : public rpc::ReplicationService {
 public:
  explicit EpochBlindFeeds(replica::Replicas& inner) : inner_(inner) {}

  Result<Accepted> accept(const rpc::StreamHello& hello,
                          std::unique_ptr<rpc::LeaderWriter> writer) override {
    auto accepted = inner_.accept(hello, std::move(writer));
    if (accepted) accepted->handler = std::make_shared<Handler>(inner_, accepted->handler);
    return accepted;
  }

 private:
  class Handler final : public rpc::LeaderHandler {
   public:
    Handler(replica::Replicas& replicas, std::shared_ptr<rpc::LeaderHandler> inner)
        : replicas_(replicas), inner_(std::move(inner)) {}
    void on_message(rpc::FollowerMessage message) override {
      for (rpc::Subscription& wanted : message.subscribe) {
        for (const auto& partition : replicas_.partitions()) {
          if (partition->topic_id() != wanted.topic_id) continue;
          if (partition->name().partition != wanted.partition) continue;
          wanted.current_leader_epoch = partition->view().leader_epoch;
        }
      }
      inner_->on_message(std::move(message));
    }
    void on_closed(Error cause) override { inner_->on_closed(std::move(cause)); }

   private:
    replica::Replicas& replicas_;
    std::shared_ptr<rpc::LeaderHandler> inner_;
  };

  replica::Replicas& inner_;
};

/// Does not tell its coordinator that others lead: Bug::NeverResigns.
class EternalLeadership final : public replica::LeadershipListener {
 public:
  explicit EternalLeadership(replica::LeadershipListener& inner) : inner_(inner) {}
  void on_leader(const TopicPartition& partition, LeaderEpoch epoch) override {
    inner_.on_leader(partition, epoch);
  }
  void on_not_leader(const TopicPartition&, LeaderEpoch) override {}

 private:
  replica::LeadershipListener& inner_;
};

/// Believes producers that say which partitions are in their transactions:
/// Bug::VerifiesNoTransactions.
class BelievingVerifier final : public replica::TransactionVerifier {
 public:
  explicit BelievingVerifier(replica::TransactionVerifier& inner) : inner_(inner) {}
  void verify(Question question, Callback<std::vector<ErrorCode>> done) override {
    if (question.adds) return inner_.verify(std::move(question), std::move(done));
    std::move(done)(std::vector<ErrorCode>(question.partitions.size(), ErrorCode::None));
  }

 private:
  replica::TransactionVerifier& inner_;
};

/// Takes markers of any age, whoever sends them: Bug::TakesLateMarkers.
class UnnumberedMarkers final : public rpc::TransactionControl {
 public:
  explicit UnnumberedMarkers(rpc::TransactionControl& inner) : inner_(inner) {}
  void write_markers(rpc::NumberedMarkers markers,
                     Callback<protocol::WriteTxnMarkersResponse> reply) override {
    markers.receiver_nonce.clear();
    markers.number = ++last_number_;
    for (auto& marker : markers.request.markers) marker.coordinator_epoch = -1;
    inner_.write_markers(std::move(markers), std::move(reply));
  }
  void add_partitions(protocol::AddPartitionsToTxnRequest request,
                      Callback<protocol::AddPartitionsToTxnResponse> reply) override {
    inner_.add_partitions(std::move(request), std::move(reply));
  }

 private:
  rpc::TransactionControl& inner_;
  std::uint64_t last_number_ = 0;
};

/// Says that markers are written before they are: Bug::AcknowledgesMarkersEarly.
class HastyMarkers final : public rpc::TransactionControl {
 public:
  explicit HastyMarkers(rpc::TransactionControl& inner) : inner_(inner) {}
  void write_markers(rpc::NumberedMarkers markers,
                     Callback<protocol::WriteTxnMarkersResponse> reply) override {
    std::move(reply)(transaction::answer_all(markers.request, ErrorCode::None));
    inner_.write_markers(std::move(markers), [](protocol::WriteTxnMarkersResponse) {});
  }
  void add_partitions(protocol::AddPartitionsToTxnRequest request,
                      Callback<protocol::AddPartitionsToTxnResponse> reply) override {
    inner_.add_partitions(std::move(request), std::move(reply));
  }

 private:
  rpc::TransactionControl& inner_;
};

}  // namespace ottla::simulation
