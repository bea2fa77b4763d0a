#include "broker/metadata/metadata_image.h"

namespace ottla::metadata {
namespace {

std::shared_ptr<const TopicMetadata> merge(const TopicMetadata* known,
                                           const rpc::TopicUpdate& update) {
  auto merged = std::make_shared<TopicMetadata>();
  merged->name = update.name;
  merged->id = update.id;
  // Another id is another topic of the same name: nothing of the old one stays.
  if (known != nullptr && known->id == update.id) merged->partitions = known->partitions;
  for (const rpc::PartitionUpdate& partition : update.partitions) {
    const auto index = static_cast<std::size_t>(partition.partition);
    if (index >= merged->partitions.size()) merged->partitions.resize(index + 1);
    merged->partitions[index] = {partition.assignment, partition.state};
  }
  return merged;
}

}  // namespace

std::shared_ptr<const MetadataImage> MetadataImage::apply(const rpc::ClusterUpdate& update) const {
  auto next = std::make_shared<MetadataImage>(update.full ? MetadataImage{} : *this);
  next->controller_ = update.controller;
  next->controller_epoch_ = update.controller_epoch;
  next->is_all_ = update.is_all;
  if (update.live_brokers) {
    auto brokers = std::make_shared<std::map<BrokerId, cluster::Broker>>();
    for (const cluster::Broker& broker : *update.live_brokers) brokers->emplace(broker.id, broker);
    next->brokers_ = std::move(brokers);
  }
  if (update.topics.empty() && update.deleted_topics.empty()) return next;

  auto topics = std::make_shared<Topics>(*next->topics_);
  auto ids = std::make_shared<Ids>(*next->ids_);
  for (const rpc::TopicUpdate& deleted : update.deleted_topics) {
    const auto found = topics->find(deleted.name);
    if (found == topics->end() || found->second->id != deleted.id) continue;
    ids->erase(deleted.id);
    topics->erase(found);
  }
  for (const rpc::TopicUpdate& changed : update.topics) {
    if (changed.partitions.empty()) continue;  // None of them has a state yet.
    auto& slot = (*topics)[changed.name];
    if (slot && slot->id != changed.id) ids->erase(slot->id);
    slot = merge(slot.get(), changed);
    (*ids)[changed.id] = changed.name;
  }
  next->topics_ = std::move(topics);
  next->ids_ = std::move(ids);
  return next;
}

std::shared_ptr<const MetadataImage> MetadataImage::without(const Registrations& dead) const {
  auto next = std::make_shared<MetadataImage>(*this);
  auto brokers = *brokers_;
  std::erase_if(
      brokers, [&](const auto& entry) { return dead.contains({entry.first, entry.second.epoch}); });
  next->brokers_ = std::make_shared<const std::map<BrokerId, cluster::Broker>>(std::move(brokers));
  return next;
}

const cluster::Broker* MetadataImage::broker(BrokerId id) const {
  const auto found = brokers_->find(id);
  return found == brokers_->end() ? nullptr : &found->second;
}

std::shared_ptr<const TopicMetadata> MetadataImage::topic(const std::string& name) const {
  const auto found = topics_->find(name);
  return found == topics_->end() ? nullptr : found->second;
}

std::shared_ptr<const TopicMetadata> MetadataImage::topic(const TopicId& id) const {
  const auto found = ids_->find(id);
  return found == ids_->end() ? nullptr : topic(found->second);
}

const PartitionMetadata* MetadataImage::partition(const std::string& name,
                                                  std::int32_t partition) const {
  const auto found = topics_->find(name);
  if (found == topics_->end() || partition < 0) return nullptr;
  const auto& partitions = found->second->partitions;
  const auto index = static_cast<std::size_t>(partition);
  if (index >= partitions.size() || partitions[index].assignment.replicas.empty()) return nullptr;
  return &partitions[index];
}

std::vector<std::optional<cluster::PartitionState>> MetadataImage::states_of(
    const cluster::Topic& topic) const {
  std::vector<std::optional<cluster::PartitionState>> states(topic.partitions.size());
  const auto known = this->topic(topic.id);
  if (known == nullptr || known->name != topic.name) return states;
  for (std::size_t i = 0; i < std::min(states.size(), known->partitions.size()); ++i) {
    if (!known->partitions[i].assignment.replicas.empty()) states[i] = known->partitions[i].state;
  }
  return states;
}

std::int32_t MetadataImage::partition_count(const std::string& name, std::int32_t otherwise) const {
  const auto found = topics_->find(name);
  if (found == topics_->end() || found->second->partitions.empty()) return otherwise;
  return static_cast<std::int32_t>(found->second->partitions.size());
}

}  // namespace ottla::metadata
