#include "controller/node_room.h"

#include <string>
#include <string_view>
#include <vector>

namespace ottla::controller {
namespace {

/// "7":[1,2,3],
std::size_t entry_bytes(std::int32_t partition, const std::vector<BrokerId>& brokers) {
  constexpr std::size_t kMarks = std::string_view(R"("":[],)").size();
  std::size_t bytes = std::to_string(partition).size() + kMarks;
  for (const BrokerId broker : brokers) bytes += std::to_string(broker.value()).size() + 1;
  return bytes;
}

}  // namespace

std::size_t node_bytes(std::int32_t partition, const cluster::Assignment& assignment) {
  std::size_t bytes = entry_bytes(partition, assignment.replicas);
  if (!assignment.adding.empty()) bytes += entry_bytes(partition, assignment.adding);
  if (!assignment.removing.empty()) bytes += entry_bytes(partition, assignment.removing);
  return bytes;
}

}  // namespace ottla::controller
