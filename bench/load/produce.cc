#include <chrono>
#include <map>
#include <random>

#include "bench/load/closed_loop.h"
#include "bench/load/options.h"
#include "common/protocol/frame.h"
#include "common/protocol/messages/produce.h"
#include "common/record/record_batch_builder.h"

namespace ottla::load {
namespace {

constexpr protocol::ApiVersion kVersion(7);

/// Records of random letters, as many as a batch of that size takes and at least one.
SharedBuffer build_batch(const Options& options) {
  const std::int64_t now = std::chrono::duration_cast<std::chrono::milliseconds>(
                               std::chrono::system_clock::now().time_since_epoch())
                               .count();
  std::string value(options.record_bytes, '\0');
  std::mt19937 random(1);
  record::RecordBatchBuilder builder({}, options.batch_bytes);
  const std::size_t most_overhead = 16;
  do {
    for (char& byte : value) byte = static_cast<char>('a' + random() % 26);
    builder.append(now, std::nullopt, as_bytes(value));
  } while (builder.uncompressed_size() + value.size() + most_overhead <= options.batch_bytes);
  auto batch = builder.build();
  if (!batch) die("cannot build a batch");
  return *batch;
}

std::vector<std::byte> frame_for(const Options& options, std::int32_t partition,
                                 const SharedBuffer& batch) {
  protocol::ProduceRequest request;
  request.acks = static_cast<std::int16_t>(options.acks);
  request.timeout_ms = 30'000;
  auto& topic = request.topic_data.emplace_back();
  topic.name = options.topic;
  topic.partition_data.push_back({partition, protocol::Records(batch->bytes())});
  const auto frame = protocol::encode_request(request, kVersion, 1, "load");
  if (!frame) die("cannot encode a Produce request");
  return flat(*frame);
}

/// Each lane has partitions of one leader, and sends the same batch to them in turn.
class ProduceLoad : public Load {
 public:
  explicit ProduceLoad(std::int64_t value_bytes) : value_bytes_(value_bytes) {}

  void add_frame(std::int32_t partition, std::vector<std::byte> frame) {
    frames_.emplace(partition, std::move(frame));
  }
  void add_lane(std::size_t lane, std::vector<std::int32_t> partitions) {
    lanes_.resize(std::max(lanes_.size(), lane + 1));
    lanes_[lane] = {std::move(partitions), lane};
  }

  ByteView next_request(std::size_t lane) override {
    Lane& at = lanes_[lane];
    return frames_.at(at.partitions[at.turn++ % at.partitions.size()]);
  }

  std::int64_t take_answer(std::size_t, MutableByteView frame) override {
    const auto parsed = protocol::parse_response(frame, protocol::ApiKey::Produce, kVersion);
    if (!parsed) die("an answer to Produce is too short");
    const auto response = protocol::decode<protocol::ProduceResponse>(parsed->body, kVersion);
    if (!response) die("an answer to Produce cannot be read");
    const ErrorCode error = response->responses.at(0).partition_responses.at(0).error_code;
    if (error != ErrorCode::None) die("Produce: error " + std::to_string(static_cast<int>(error)));
    return value_bytes_;
  }

 private:
  struct Lane {
    std::vector<std::int32_t> partitions;
    std::size_t turn = 0;
  };
  std::int64_t value_bytes_;
  std::map<std::int32_t, std::vector<std::byte>> frames_;
  std::vector<Lane> lanes_;
};

}  // namespace

void produce(const Options& options) {
  const SharedBuffer batch = build_batch(options);
  const auto view = record::RecordBatchView::parse(batch->bytes());
  const std::int64_t records = view->record_count().value_or(1);
  ProduceLoad load(records * static_cast<std::int64_t>(options.record_bytes));
  std::map<Address, std::vector<std::int32_t>> by_leader;
  for (const Partition& partition : partitions_of(options.bootstrap, options.topic)) {
    load.add_frame(partition.number, frame_for(options, partition.number, batch));
    by_leader[partition.leader].push_back(partition.number);
  }
  ClosedLoop loop(load, {.requests = options.requests,
                         .bytes = options.megabytes << 20,
                         .seconds = options.seconds,
                         .active = static_cast<std::size_t>(options.active)});
  const int connections = std::max(options.connections, static_cast<int>(by_leader.size()));
  auto leader = by_leader.begin();
  for (int i = 0; i < connections; ++i) {
    const std::size_t connection = loop.connect(leader->first);
    for (int j = 0; j < options.in_flight; ++j) {
      load.add_lane(loop.add_lane(connection), leader->second);
    }
    if (++leader == by_leader.end()) leader = by_leader.begin();
  }
  loop.run(options.wait).print();
}

}  // namespace ottla::load
