#include <algorithm>
#include <map>
#include <random>

#include "bench/load/closed_loop.h"
#include "bench/load/options.h"
#include "common/protocol/frame.h"
#include "common/protocol/messages/fetch.h"
#include "common/record/record_batch.h"

namespace ottla::load {
namespace {

constexpr protocol::ApiVersion kVersion(11);

/// A consumer's part at one leader: a long poll for all partitions there, again and again.
struct Reader {
  std::map<std::int32_t, Offset> positions;
  std::vector<std::byte> frame;
};

class FetchLoad : public Load {
 public:
  FetchLoad(const Options& options, std::map<std::int32_t, Range> ranges)
      : options_(options), ranges_(std::move(ranges)) {}

  void add_reader(std::size_t lane, const std::vector<std::int32_t>& partitions) {
    readers_.resize(std::max(readers_.size(), lane + 1));
    for (const std::int32_t partition : partitions) {
      const Range& range = ranges_.at(partition);
      if (range.begin < range.end) readers_[lane].positions[partition] = range.begin;
    }
  }

  ByteView next_request(std::size_t lane) override {
    Reader& reader = readers_[lane];
    if (reader.positions.empty()) return {};
    protocol::FetchRequest request;
    request.replica_id = BrokerId(-1);
    request.max_wait_ms = 500;
    request.min_bytes = 1;
    request.max_bytes = 50 << 20;
    auto& topic = request.topics.emplace_back();
    topic.topic = options_.topic;
    for (const auto& [partition, position] : reader.positions) {
      auto& row = topic.partitions.emplace_back();
      row.partition = partition;
      row.fetch_offset = options_.random ? somewhere(ranges_.at(partition)) : position;
      row.partition_max_bytes = options_.max_bytes;
    }
    const auto frame = protocol::encode_request(request, kVersion, 1, "load");
    if (!frame) die("cannot encode a Fetch request");
    reader.frame = flat(*frame);
    return reader.frame;
  }

  std::int64_t take_answer(std::size_t lane, MutableByteView frame) override {
    const auto parsed = protocol::parse_response(frame, protocol::ApiKey::Fetch, kVersion);
    if (!parsed) die("an answer to Fetch is too short");
    const auto response = protocol::decode<protocol::FetchResponse>(parsed->body, kVersion);
    if (!response) die("an answer to Fetch cannot be read");
    std::int64_t bytes = 0;
    for (const auto& topic : response->responses) {
      for (const auto& row : topic.partitions) {
        if (row.error_code != ErrorCode::None) {
          die("Fetch: error " + std::to_string(static_cast<int>(row.error_code)));
        }
        bytes += static_cast<std::int64_t>(row.records.size());
        if (!options_.random) move_on(readers_[lane], row.partition_index, row.records.bytes());
      }
    }
    return bytes;
  }

 private:
  Offset somewhere(const Range& range) {
    return range.begin +
           std::uniform_int_distribution<std::int64_t>(0, range.end - range.begin - 1)(random_);
  }

  /// Behind the last whole batch; from the end to the beginning again, unless it is read once.
  void move_on(Reader& reader, std::int32_t partition, ByteView records) {
    Offset& position = reader.positions.at(partition);
    while (true) {
      const auto batch = record::RecordBatchView::parse(records);
      if (!batch) break;
      position = batch->next_offset();
      records = records.subspan(batch->size());
    }
    const Range& range = ranges_.at(partition);
    if (position < range.end) return;
    if (options_.once) {
      reader.positions.erase(partition);
    } else {
      position = range.begin;
    }
  }

  const Options& options_;
  std::map<std::int32_t, Range> ranges_;
  std::vector<Reader> readers_;
  std::mt19937_64 random_{1};
};

}  // namespace

void fetch(const Options& options) {
  const std::vector<Partition> partitions = partitions_of(options.bootstrap, options.topic);
  std::map<Address, std::vector<std::int32_t>> by_leader;
  for (const Partition& partition : partitions) {
    by_leader[partition.leader].push_back(partition.number);
  }
  FetchLoad load(options, ranges_of(options.topic, partitions));
  ClosedLoop loop(
      load,
      {.requests = options.requests, .bytes = options.megabytes << 20, .seconds = options.seconds});
  for (int i = 0; i < options.consumers; ++i) {
    for (const auto& [leader, numbers] : by_leader) {
      load.add_reader(loop.add_lane(loop.connect(leader)), numbers);
    }
  }
  loop.run(options.wait).print();
}

}  // namespace ottla::load
