#pragma once

#include <memory>
#include <vector>

#include "broker/replica/replicas.h"
#include "common/rpc/high_watermarks.h"

namespace ottla::broker {

/// Tells other brokers how far consumers can read what is led here. Thread: any.
class LedHighWatermarks final : public rpc::HighWatermarkSource {
 public:
  /// `replicas` outlive it.
  explicit LedHighWatermarks(const replica::Replicas& replicas) : replicas_(replicas) {}

  [[nodiscard]] rpc::HighWatermarks led_here(
      const std::vector<TopicPartition>& asked) const override;

 private:
  const replica::Replicas& replicas_;
};

}  // namespace ottla::broker
