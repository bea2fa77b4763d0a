#include "broker/status/leader_high_watermarks.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace ottla::status {

/// One call of `ask`, until the last leader has answered. Thread: any (mutex_).
class LeaderHighWatermarks::Question {
 public:
  Question(std::size_t leaders, Callback<rpc::HighWatermarks> done)
      : left_(leaders), done_(std::move(done)) {}

  void add(const rpc::HighWatermarks& answer) OTTLA_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    found_.insert(answer.begin(), answer.end());
    if (--left_ > 0) return;
    lock.unlock();
    std::move(done_)(std::move(found_));
  }

 private:
  Mutex mutex_{LockRank::Leaf};
  std::size_t left_ OTTLA_GUARDED_BY(mutex_);
  rpc::HighWatermarks found_;  ///< Of whoever is the last, from then on.
  Callback<rpc::HighWatermarks> done_;
};

void LeaderHighWatermarks::ask(const metadata::MetadataImage& image,
                               const std::set<TopicPartition>& wanted,
                               Callback<rpc::HighWatermarks> done) {
  std::map<const cluster::Broker*, std::set<TopicPartition>> by_leader;
  for (const TopicPartition& each : wanted) {
    const metadata::PartitionMetadata* const partition =
        image.partition(each.topic, each.partition);
    if (partition == nullptr) continue;
    const cluster::Broker* const leader = image.broker(partition->state.leader);
    if (leader != nullptr) by_leader[leader].insert(each);
  }
  if (by_leader.empty()) return std::move(done)({});

  const auto question = std::make_shared<Question>(by_leader.size(), std::move(done));
  const env::MonotonicTime now = clock_.now();
  for (auto& [leader, asked] : by_leader) {
    MutexLock lock(mutex_);
    const Told& last = told_[leader->id];
    const bool is_known =
        !last.asked.empty() && now - last.at < kKeptFor && std::ranges::includes(last.asked, asked);
    const rpc::HighWatermarks known = is_known ? last.answer : rpc::HighWatermarks();
    lock.unlock();
    if (is_known) {
      question->add(known);
      continue;
    }
    std::vector<TopicPartition> partitions(asked.begin(), asked.end());
    peers_.ask(*leader, std::move(partitions), kAnswerWithin,
               [this, id = leader->id, asked = std::move(asked),
                question](Result<rpc::HighWatermarks> answer) mutable {
                 Told told{.at = clock_.now(), .asked = std::move(asked)};
                 if (answer) told.answer = *std::move(answer);
                 answered(id, told);
                 question->add(told.answer);
               });
  }
}

void LeaderHighWatermarks::answered(BrokerId leader, Told told) {
  const MutexLock lock(mutex_);
  told_[leader] = std::move(told);
}

}  // namespace ottla::status
