#pragma once

#include <string>
#include <utility>
#include <vector>

#include "broker/metadata/metadata_cache.h"
#include "broker/replica/surroundings.h"

namespace ottla::simulation {

/// Names for each member of a wanted ISR the registration that lives now: Bug::IgnoresBrokerEpochs.
class CarelessIsrChanges final : public replica::IsrChanges {
 public:
  CarelessIsrChanges(replica::IsrChanges& inner, metadata::MetadataCache& metadata)
      : inner_(inner), metadata_(metadata) {}

  void alter(std::vector<rpc::AlterPartition> partitions,
             Callback<Result<rpc::AlterPartitionReply>> done) override {
    const auto image = metadata_.image();
    for (rpc::AlterPartition& wanted : partitions) {
      for (rpc::IsrMember& member : wanted.new_isr) {
        const cluster::Broker* const broker = image->broker(member.broker);
        if (broker != nullptr) member.broker_epoch = broker->epoch;
      }
    }
    inner_.alter(std::move(partitions), std::move(done));
  }

 private:
  replica::IsrChanges& inner_;
  metadata::MetadataCache& metadata_;
};

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

}  // namespace ottla::simulation
