#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cli/drill_recording.h"
#include "cli/rdkafka_client.h"
#include "common/base/mutex.h"

namespace ottla::cli {

/// A producer (idempotent, acks=all) that sends a small record to each partition at an interval,
/// and a consumer that reads them back, while things are broken on purpose. Thread: any (mutex_,
/// LockRank::Leaf); it has two threads of its own.
class DrillProbe {
 public:
  struct Settings {
    std::string topic;
    std::vector<std::int32_t> partitions;
    std::chrono::milliseconds interval{10};
    config::Properties client;  ///< Bootstrap servers and what the user gave.
  };
  /// Begins to send. Errors: those of the client, and when an end offset cannot be had.
  [[nodiscard]] static Result<std::unique_ptr<DrillProbe>> start(Settings settings,
                                                                 Console& console);
  ~DrillProbe();
  DrillProbe(const DrillProbe&) = delete;
  DrillProbe& operator=(const DrillProbe&) = delete;

  [[nodiscard]] DrillTime now() const;
  /// Records acknowledged that were sent at `since` or later, in the partition that has fewest.
  [[nodiscard]] std::int64_t acknowledged_since(DrillTime since) const OTTLA_EXCLUDES(mutex_);
  /// Ends sending, waits for what is under way, and for the reader; at most `patience` for each.
  void finish(std::chrono::milliseconds patience, Recording& recording) OTTLA_EXCLUDES(mutex_);

 private:
  DrillProbe(Settings settings, RdKafka<rd_kafka_t> consumer);
  static void on_delivery(rd_kafka_t* client, const rd_kafka_message_t* message, void* self);
  [[nodiscard]] Result<> open_reader();
  void produce() OTTLA_EXCLUDES(mutex_);
  void send(std::int32_t partition) OTTLA_EXCLUDES(mutex_);
  void read() OTTLA_EXCLUDES(mutex_);
  void take(const rd_kafka_message_t& message) OTTLA_EXCLUDES(mutex_);
  [[nodiscard]] bool all_is_read() const OTTLA_EXCLUDES(mutex_);
  void stop_threads();

  const Settings settings_;
  const std::string mark_;  ///< Begins each value: other records in the topic are not ours.
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  RdKafka<rd_kafka_t> consumer_;
  RdKafka<rd_kafka_topic_t> topic_;
  RdKafka<rd_kafka_queue_t> queue_;
  RdKafka<rd_kafka_t> producer_;
  std::atomic<bool> sending_ = true;
  std::atomic<bool> reading_ = true;
  std::map<std::int32_t, std::int64_t> numbers_;  ///< The producer thread's: the next of each.
  std::thread producer_thread_;
  std::thread reader_thread_;

  mutable Mutex mutex_{LockRank::Leaf};
  std::vector<Probe> probes_ OTTLA_GUARDED_BY(mutex_);
  std::vector<ProbeRead> reads_ OTTLA_GUARDED_BY(mutex_);
};

}  // namespace ottla::cli
