#include "broker/api/endpoints.h"

namespace ottla::api {

const cluster::Endpoint* endpoint_of(const metadata::MetadataImage& image, BrokerId broker,
                                     const std::string& listener) {
  const cluster::Broker* const live = image.broker(broker);
  return live == nullptr ? nullptr : live->endpoint(listener);
}

std::vector<BrokerId> offline_replicas(const metadata::MetadataImage& image,
                                       const std::vector<BrokerId>& replicas) {
  std::vector<BrokerId> offline;
  for (const BrokerId replica : replicas) {
    if (image.broker(replica) == nullptr) offline.push_back(replica);
  }
  return offline;
}

}  // namespace ottla::api
