#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "broker/metadata/metadata_cache.h"
#include "broker/replica/surroundings.h"
#include "common/env/executor.h"
#include "common/env/random.h"

namespace ottla::simulation {

/// Names for each member of a wanted ISR the registration that lives when the controller gets to
/// it: Bug::IgnoresBrokerEpochs. That takes its time, which is no mistake in itself.
class CarelessIsrChanges final : public replica::IsrChanges {
 public:
  CarelessIsrChanges(replica::IsrChanges& inner, metadata::MetadataCache& metadata,
                     env::Executor& loop, env::Random& random)
      : inner_(inner), metadata_(metadata), loop_(loop), random_(random) {}

  void alter(std::vector<rpc::AlterPartition> partitions,
             Callback<Result<rpc::AlterPartitionReply>> done) override {
    const auto delay = std::chrono::milliseconds(random_.below(8000));
    timers_.push_back(loop_.post_after(
        delay, [this, partitions = std::move(partitions), done = std::move(done)]() mutable {
          alter_now(std::move(partitions), std::move(done));
        }));
  }

 private:
  void alter_now(std::vector<rpc::AlterPartition> partitions,
                 Callback<Result<rpc::AlterPartitionReply>> done) {
    const auto image = metadata_.image();
    for (rpc::AlterPartition& wanted : partitions) {
      for (rpc::IsrMember& member : wanted.new_isr) {
        const cluster::Broker* const broker = image->broker(member.broker);
        if (broker != nullptr) member.broker_epoch = broker->epoch;
      }
    }
    inner_.alter(std::move(partitions), std::move(done));
  }

  replica::IsrChanges& inner_;
  metadata::MetadataCache& metadata_;
  env::Executor& loop_;
  env::Random& random_;
  std::vector<env::TimerHandle> timers_;  ///< As many as a short run has requests.
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
