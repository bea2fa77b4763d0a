#pragma once

#include <string>
#include <utility>
#include <vector>

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
