#include "controller/reassignment.h"

#include <algorithm>

namespace ottla::controller {
namespace {

std::vector<BrokerId> without(const std::vector<BrokerId>& brokers,
                              const std::vector<BrokerId>& taken) {
  std::vector<BrokerId> rest;
  for (const BrokerId broker : brokers) {
    if (!cluster::contains(taken, broker)) rest.push_back(broker);
  }
  return rest;
}

}  // namespace

bool is_reassigning(const cluster::Assignment& assignment) {
  return !assignment.adding.empty() || !assignment.removing.empty();
}

std::vector<BrokerId> target_of(const cluster::Assignment& assignment) {
  return without(assignment.replicas, assignment.removing);
}

std::vector<BrokerId> origin_of(const cluster::Assignment& assignment) {
  return without(assignment.replicas, assignment.adding);
}

cluster::Assignment reassigned(const cluster::Assignment& now,
                               const std::vector<BrokerId>& target) {
  const std::vector<BrokerId> origin = origin_of(now);
  cluster::Assignment next;
  next.adding = without(target, origin);
  next.removing = without(origin, target);
  next.replicas = target;
  next.replicas.insert(next.replicas.end(), next.removing.begin(), next.removing.end());
  return next;
}

std::vector<BrokerId> replicas_dropped(const cluster::Assignment& before,
                                       const cluster::Assignment& after) {
  return without(before.replicas, after.replicas);
}

}  // namespace ottla::controller
