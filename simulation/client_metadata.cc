#include "simulation/client_metadata.h"

#include <utility>

#include "broker/metadata/metadata_image.h"

namespace ottla::simulation {

void ClientMetadata::refresh(Task then) {
  const auto& brokers = cluster_.broker_ids();
  const BrokerId any = brokers[cluster_.random().below(brokers.size())];
  cluster_.ask<Answer>(
      any, std::chrono::seconds(1),
      [partition = partition_](SimulatedBroker& broker, Callback<Answer> reply) {
        Answer answer;
        const auto image = broker.image();
        if (const auto topic = image->topic(partition.topic)) {
          answer.topic_id = topic->id;
          const auto* const told = image->partition(partition.topic, partition.partition);
          if (told != nullptr && told->state.leader != kNoBroker) {
            answer.leader = told->state.leader;
          }
        }
        std::move(reply)(answer);
      },
      [this, then = std::move(then)](std::optional<Answer> answer) mutable {
        if (answer && !answer->topic_id.is_zero()) topic_id_ = answer->topic_id;
        if (answer) leader_ = answer->leader;
        std::move(then)();
      });
}

}  // namespace ottla::simulation
