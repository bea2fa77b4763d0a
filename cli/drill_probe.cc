#include "cli/drill_probe.h"

#include <unistd.h>

#include <charconv>
#include <chrono>
#include <set>
#include <thread>
#include <utility>

namespace ottla::cli {
namespace {

constexpr int kPollMs = 50;
constexpr int kOffsetsMs = 10'000;

std::string fresh_mark() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return "ottla-drill " +
         std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()) + "-" +
         std::to_string(::getpid()) + " ";
}

}  // namespace

DrillProbe::DrillProbe(Settings settings, RdKafka<rd_kafka_t> consumer)
    : settings_(std::move(settings)), mark_(fresh_mark()), consumer_(std::move(consumer)) {}

Result<std::unique_ptr<DrillProbe>> DrillProbe::start(Settings settings, Console& console) {
  OTTLA_TRY(auto consumer_conf, rdkafka_conf(settings.client, console));
  OTTLA_TRY(auto consumer, rdkafka_client(RD_KAFKA_CONSUMER, std::move(consumer_conf)));
  std::unique_ptr<DrillProbe> probe(new DrillProbe(std::move(settings), std::move(consumer)));
  OTTLA_TRY_VOID(probe->open_reader());

  config::Properties properties = probe->settings_.client;
  properties["enable.idempotence"] = "true";
  properties["linger.ms"] = "0";
  // What is sent while nobody leads waits here: the drill ends before this does.
  properties["delivery.timeout.ms"] = "120000";
  OTTLA_TRY(auto conf, rdkafka_conf(properties, console));
  rd_kafka_conf_set_opaque(conf.get(), probe.get());
  rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivery);
  OTTLA_TRY(probe->producer_, rdkafka_client(RD_KAFKA_PRODUCER, std::move(conf)));
  probe->producer_thread_ = std::thread([self = probe.get()] { self->produce(); });
  probe->reader_thread_ = std::thread([self = probe.get()] { self->read(); });
  return probe;
}

DrillProbe::~DrillProbe() {
  stop_threads();
  if (producer_)
    rd_kafka_purge(producer_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  producer_.reset();
  if (topic_ && queue_) {
    for (const std::int32_t partition : settings_.partitions) {
      rd_kafka_consume_stop(topic_.get(), partition);
    }
  }
  topic_.reset();
  queue_.reset();
}

void DrillProbe::stop_threads() {
  sending_ = false;
  if (producer_thread_.joinable()) producer_thread_.join();
  reading_ = false;
  if (reader_thread_.joinable()) reader_thread_.join();
}

DrillTime DrillProbe::now() const {
  return std::chrono::duration_cast<DrillTime>(std::chrono::steady_clock::now() - begin_);
}

/// From the present end of each partition on, asked for before the first record is sent.
Result<> DrillProbe::open_reader() {
  topic_.reset(rd_kafka_topic_new(consumer_.get(), settings_.topic.c_str(), nullptr));
  queue_.reset(rd_kafka_queue_new(consumer_.get()));
  for (const std::int32_t partition : settings_.partitions) {
    std::int64_t low = 0;
    std::int64_t high = 0;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kOffsetsMs);
    auto error = RD_KAFKA_RESP_ERR_NO_ERROR;
    do {  // Not every broker knows at once of a topic that was just made.
      error = rd_kafka_query_watermark_offsets(consumer_.get(), settings_.topic.c_str(), partition,
                                               &low, &high, kOffsetsMs);
      if (!is_passing(error)) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    } while (std::chrono::steady_clock::now() < deadline);
    const std::string name = settings_.topic + "-" + std::to_string(partition);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return rdkafka_failure(name, error);
    if (rd_kafka_consume_start_queue(topic_.get(), partition, high, queue_.get()) != 0) {
      return rdkafka_failure(name, rd_kafka_last_error());
    }
  }
  return {};
}

void DrillProbe::produce() {
  auto next = std::chrono::steady_clock::now();
  while (sending_) {
    for (const std::int32_t partition : settings_.partitions) send(partition);
    next += settings_.interval;
    // After a stall of this process: no burst.
    next = std::max(next, std::chrono::steady_clock::now() - settings_.interval);
    do {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          next - std::chrono::steady_clock::now());
      rd_kafka_poll(producer_.get(), static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    } while (sending_ && std::chrono::steady_clock::now() < next);
  }
}

void DrillProbe::send(std::int32_t partition) {
  std::size_t index = 0;
  const std::string value = mark_ + std::to_string(numbers_[partition]++);
  {
    MutexLock lock(mutex_);
    index = probes_.size();
    probes_.push_back({partition, now(), std::nullopt, ""});
  }
  const auto error = rd_kafka_producev(
      producer_.get(), RD_KAFKA_V_TOPIC(settings_.topic.c_str()), RD_KAFKA_V_PARTITION(partition),
      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
      RD_KAFKA_V_VALUE(const_cast<char*>(value.data()),  // NOLINT: copied
                       value.size()),
      RD_KAFKA_V_OPAQUE(reinterpret_cast<void*>(index)),  // NOLINT(performance-no-int-to-ptr)
      RD_KAFKA_V_END);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  MutexLock lock(mutex_);
  probes_[index].error = rd_kafka_err2str(error);
}

void DrillProbe::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto* const self = static_cast<DrillProbe*>(opaque);
  const auto index = reinterpret_cast<std::size_t>(message->_private);
  const DrillTime at = self->now();
  MutexLock lock(self->mutex_);
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    self->probes_[index].acknowledged = at;
  } else {
    self->probes_[index].error = rd_kafka_err2str(message->err);
  }
}

void DrillProbe::read() {
  while (reading_) {
    rd_kafka_poll(consumer_.get(), 0);
    const RdKafka<rd_kafka_message_t> message(rd_kafka_consume_queue(queue_.get(), kPollMs));
    if (message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) take(*message);
  }
}

void DrillProbe::take(const rd_kafka_message_t& message) {
  const std::string_view value(static_cast<const char*>(message.payload), message.len);
  if (!value.starts_with(mark_)) return;
  ProbeRead read{.partition = message.partition, .number = -1, .at = now()};
  (void)std::from_chars(value.data() + mark_.size(), value.data() + value.size(),
                        read.number);  // We wrote it.
  MutexLock lock(mutex_);
  reads_.push_back(read);
}

std::int64_t DrillProbe::acknowledged_since(DrillTime since) const {
  std::map<std::int32_t, std::int64_t> counts;
  for (const std::int32_t partition : settings_.partitions) counts[partition] = 0;
  MutexLock lock(mutex_);
  for (auto probe = probes_.rbegin(); probe != probes_.rend() && probe->sent >= since; ++probe) {
    if (probe->acknowledged) ++counts[probe->partition];
  }
  std::int64_t fewest = -1;
  for (const auto& [partition, count] : counts) {
    if (fewest < 0 || count < fewest) fewest = count;
  }
  return fewest;
}

bool DrillProbe::all_is_read() const {
  MutexLock lock(mutex_);
  std::set<std::pair<std::int32_t, std::int64_t>> awaited;
  std::map<std::int32_t, std::int64_t> numbers;
  for (const Probe& probe : probes_) {
    const std::int64_t number = numbers[probe.partition]++;
    if (probe.acknowledged) awaited.insert({probe.partition, number});
  }
  for (const ProbeRead& one : reads_) awaited.erase({one.partition, one.number});
  return awaited.empty();
}

void DrillProbe::finish(std::chrono::milliseconds patience, Recording& recording) {
  sending_ = false;
  if (producer_thread_.joinable()) producer_thread_.join();
  recording.probing_ended = now();
  (void)rd_kafka_flush(producer_.get(), static_cast<int>(patience.count()));  // counted below
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!all_is_read() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(kPollMs));
  }
  stop_threads();
  MutexLock lock(mutex_);
  for (Probe& probe : probes_) {
    if (!probe.acknowledged && probe.error.empty()) probe.error = "not answered";
  }
  recording.probes = probes_;
  recording.reads = reads_;
}

}  // namespace ottla::cli
