#include "broker/membership/cluster_entry.h"

#include <glog/logging.h>

#include <utility>

namespace ottla::membership {

using zookeeper::StoreError;
using zookeeper::StoreResult;

ClusterEntry::ClusterEntry(zookeeper::Client& client, env::Executor& loop, env::Random& random,
                           ClusterEntrySettings settings)
    : store_(client, loop),
      loop_(loop),
      settings_(settings),
      candidate_id_(random.uuid().to_string()),
      back_off_(random) {}

void ClusterEntry::enter(Callback<Result<ClusterIdentity>> done) {
  done_ = std::move(done);
  create_paths();
}

void ClusterEntry::create_paths() {
  store_.create_persistent_paths([this](StoreResult<> created) {
    if (!created) return failed(created.error(), &ClusterEntry::create_paths);
    find_cluster_id();
  });
}

void ClusterEntry::find_cluster_id() {
  store_.get_or_create_cluster_id(candidate_id_, [this](StoreResult<std::string> id) {
    if (!id) return failed(id.error(), &ClusterEntry::find_cluster_id);
    identity_.cluster_id = *std::move(id);
    LOG(INFO) << "Cluster ID = " << identity_.cluster_id;
    find_broker_id();
  });
}

void ClusterEntry::find_broker_id() {
  if (settings_.broker_id != kNoBroker) {
    identity_.broker_id = settings_.broker_id;
    return std::move(done_)(identity_);
  }
  store_.next_broker_sequence([this](StoreResult<std::int32_t> number) {
    if (!number) return failed(number.error(), &ClusterEntry::find_broker_id);
    identity_.broker_id = BrokerId(settings_.reserved_broker_max_id + *number);
    LOG(INFO) << "broker.id was not set: generated " << identity_.broker_id;
    std::move(done_)(identity_);
  });
}

void ClusterEntry::failed(StoreError error, void (ClusterEntry::*step)()) {
  if (error == StoreError::Malformed) {
    return std::move(done_)(
        fail(ErrorCode::UnknownServerError, "/cluster/id in ZooKeeper cannot be understood"));
  }
  const env::Duration wait = back_off_.next();
  LOG(WARNING) << "ZooKeeper: entering the cluster: " << name_of(error) << "; again in "
               << std::chrono::duration_cast<std::chrono::milliseconds>(wait).count() << " ms";
  retry_ = loop_.post_after(wait, [this, step] { (this->*step)(); });
}

}  // namespace ottla::membership
