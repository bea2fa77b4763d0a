#include "broker/api/topic_metrics.h"

#include "common/metrics/server_metrics.h"

namespace ottla::api {

TopicMetrics::TopicMetrics(metrics::Registry& registry, const metadata::MetadataCache& metadata)
    : registry_(registry), metadata_(metadata), all_(make({})) {}

TopicCounters TopicMetrics::make(const metrics::LabelValues& labels) const {
  return {registry_.counter(metrics::kBytesIn, labels),
          registry_.counter(metrics::kBytesOut, labels),
          registry_.counter(metrics::kMessagesIn, labels),
          registry_.counter(metrics::kTotalProduceRequests, labels),
          registry_.counter(metrics::kFailedProduceRequests, labels),
          registry_.counter(metrics::kTotalFetchRequests, labels),
          registry_.counter(metrics::kFailedFetchRequests, labels),
          registry_.counter(metrics::kBytesRejected, labels),
          registry_.counter(metrics::kProduceMessageConversions, labels),
          registry_.counter(metrics::kFetchMessageConversions, labels)};
}

std::shared_ptr<const TopicCounters> TopicMetrics::find(const std::string& topic, bool was_served) {
  {
    MutexLock lock(mutex_);
    const auto known = topics_.find(topic);
    if (known != topics_.end()) return known->second;
  }
  const auto image = metadata_.image();
  if (!was_served && !image->topic(topic)) return nullptr;
  auto made = std::make_shared<const TopicCounters>(make({topic}));
  MutexLock lock(mutex_);
  forget_deleted(*image);
  return topics_.emplace(topic, std::move(made)).first->second;
}

void TopicMetrics::forget_deleted(const metadata::MetadataImage& image) {
  if (topics_.size() <= image.topics().size()) return;
  std::erase_if(topics_, [&image](const auto& entry) { return !image.topic(entry.first); });
}

void TopicMetrics::produced(const std::string& topic, std::uint64_t bytes, std::int64_t records,
                            bool failed) {
  const auto count = [&](const TopicCounters& counters) {
    counters.produce_requests->add();
    if (failed) return counters.failed_produce_requests->add();
    counters.bytes_in->add(static_cast<std::int64_t>(bytes));
    counters.messages_in->add(records);
  };
  count(all_);
  if (const auto counters = find(topic, !failed)) count(*counters);
}

void TopicMetrics::add(const std::string& topic,
                       std::shared_ptr<metrics::Counter> TopicCounters::* counter,
                       std::int64_t amount) {
  (all_.*counter)->add(amount);
  if (const auto counters = find(topic)) ((*counters).*counter)->add(amount);
}

void TopicMetrics::rejected(const std::string& topic, std::uint64_t bytes) {
  add(topic, &TopicCounters::bytes_rejected, static_cast<std::int64_t>(bytes));
}

void TopicMetrics::converted_up(const std::string& topic, std::int64_t records) {
  add(topic, &TopicCounters::produce_conversions, records);
}

void TopicMetrics::converted_down(const std::string& topic) {
  add(topic, &TopicCounters::fetch_conversions, 1);
}

void TopicMetrics::fetched(const std::string& topic, std::uint64_t bytes, bool failed) {
  const auto count = [&](const TopicCounters& counters) {
    counters.fetch_requests->add();
    if (failed) return counters.failed_fetch_requests->add();
    counters.bytes_out->add(static_cast<std::int64_t>(bytes));
  };
  count(all_);
  if (const auto counters = find(topic, !failed)) count(*counters);
}

}  // namespace ottla::api
