#include "bench/load/cluster.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "bench/load/outcome.h"
#include "common/protocol/frame.h"
#include "common/protocol/messages/find_coordinator.h"
#include "common/protocol/messages/heartbeat.h"
#include "common/protocol/messages/list_offsets.h"
#include "common/protocol/messages/metadata.h"

namespace ottla::load {
namespace {

Address address_of(const std::string& host_and_port) {
  const auto colon = host_and_port.rfind(':');
  if (colon == std::string::npos) die(host_and_port + ": not host:port");
  return {host_and_port.substr(0, colon),
          static_cast<std::uint16_t>(std::stoi(host_and_port.substr(colon + 1)))};
}

void receive_exactly(int fd, std::byte* to, std::size_t size) {
  while (size > 0) {
    const ssize_t got = recv(fd, to, size, 0);
    if (got <= 0) die("a broker closed the connection");
    to += got;
    size -= static_cast<std::size_t>(got);
  }
}

/// One question on a connection of its own.
template <class Response, class Request>
Response ask(const Address& broker, const Request& request, std::int16_t version) {
  const auto frame = protocol::encode_request(request, protocol::ApiVersion(version), 1, "load");
  if (!frame) die("cannot encode a question");
  const auto bytes = flat(*frame);
  const int fd = connect_to(broker);
  if (send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) {
    die("cannot send a question");
  }
  std::byte size[4];
  receive_exactly(fd, size, sizeof size);
  std::vector<std::byte> answer(load_big_endian<std::uint32_t>(size));
  receive_exactly(fd, answer.data(), answer.size());
  close(fd);
  const auto parsed =
      protocol::parse_response(answer, Request::kKey, protocol::ApiVersion(version));
  if (!parsed) die("an answer is too short");
  auto response = protocol::decode<Response>(parsed->body, protocol::ApiVersion(version));
  if (!response) die("an answer cannot be read");
  return *std::move(response);
}

std::map<std::int32_t, Offset> offsets(const std::string& topic,
                                       const std::vector<Partition>& partitions,
                                       std::int64_t timestamp) {
  std::map<Address, protocol::ListOffsetsRequest> requests;
  for (const Partition& partition : partitions) {
    auto& request = requests[partition.leader];
    if (request.topics.empty()) request.topics.push_back({.name = topic, .partitions = {}});
    auto& row = request.topics[0].partitions.emplace_back();
    row.partition_index = partition.number;
    row.timestamp = timestamp;
  }
  std::map<std::int32_t, Offset> found;
  for (auto& [leader, request] : requests) {
    request.replica_id = BrokerId(-1);
    const auto response = ask<protocol::ListOffsetsResponse>(leader, request, 1);
    for (const auto& row : response.topics.at(0).partitions) {
      if (row.error_code != ErrorCode::None) die("ListOffsets failed");
      found[row.partition_index] = row.offset;
    }
  }
  return found;
}

/// The coordinator serves the group: it knows that there is no such member.
bool has_loaded(const Address& coordinator, const std::string& group) {
  protocol::HeartbeatRequest request;
  request.group_id = group;
  request.generation_id = 1;
  request.member_id = "nobody";
  return ask<protocol::HeartbeatResponse>(coordinator, request, 1).error_code ==
         ErrorCode::UnknownMemberId;
}

}  // namespace

int connect_to(const Address& address) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(address.port);
  const std::string& host = address.host == "localhost" ? "127.0.0.1" : address.host;
  if (inet_pton(AF_INET, host.c_str(), &to.sin_addr) != 1) die(address.host + ": not an address");
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    die("cannot connect to port " + std::to_string(address.port) + ": " + std::strerror(errno));
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

std::vector<std::byte> flat(const Payload& payload) {
  std::vector<std::byte> bytes;
  bytes.reserve(payload.size());
  for (const PayloadPiece& piece : payload.pieces()) {
    const ByteView view = std::get<MemoryRange>(piece).bytes;
    bytes.insert(bytes.end(), view.begin(), view.end());
  }
  return bytes;
}

std::vector<Partition> partitions_of(const std::string& bootstrap, const std::string& topic) {
  protocol::MetadataRequest request;
  request.topics->push_back({.topic_id = {}, .name = topic});
  request.allow_auto_topic_creation = false;
  const auto response = ask<protocol::MetadataResponse>(
      address_of(bootstrap.substr(0, bootstrap.find(','))), request, 4);
  std::map<BrokerId, Address> brokers;
  for (const auto& broker : response.brokers) {
    brokers[broker.node_id] = {broker.host, static_cast<std::uint16_t>(broker.port)};
  }
  if (response.topics.size() != 1 || response.topics[0].partitions.empty()) {
    die("no topic " + topic);
  }
  std::vector<Partition> partitions;
  for (const auto& row : response.topics[0].partitions) {
    const auto leader = brokers.find(row.leader_id);
    if (leader == brokers.end()) {
      die(topic + "-" + std::to_string(row.partition_index) + " has no leader");
    }
    partitions.push_back({row.partition_index, leader->second});
  }
  return partitions;
}

std::map<std::int32_t, Range> ranges_of(const std::string& topic,
                                        const std::vector<Partition>& partitions) {
  const auto begins = offsets(topic, partitions, -2);
  std::map<std::int32_t, Range> ranges;
  for (const auto& [partition, end] : offsets(topic, partitions, -1)) {
    ranges[partition] = {begins.at(partition), end};
  }
  return ranges;
}

Address coordinator_of(const std::string& bootstrap, const std::string& group) {
  protocol::FindCoordinatorRequest request;
  request.key = group;
  const Address any = address_of(bootstrap.substr(0, bootstrap.find(',')));
  for (int attempt = 0; attempt < 600; ++attempt) {
    const auto response = ask<protocol::FindCoordinatorResponse>(any, request, 1);
    const Address coordinator{response.host, static_cast<std::uint16_t>(response.port)};
    if (response.error_code == ErrorCode::None && has_loaded(coordinator, group)) {
      return coordinator;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  die("no coordinator for " + group);
}

}  // namespace ottla::load
