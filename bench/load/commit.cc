#include <map>

#include "bench/load/closed_loop.h"
#include "bench/load/options.h"
#include "common/protocol/frame.h"
#include "common/protocol/messages/offset_commit.h"

namespace ottla::load {
namespace {

constexpr protocol::ApiVersion kVersion(7);

/// Each lane commits one offset of a group of its own, which has no members.
class CommitLoad : public Load {
 public:
  explicit CommitLoad(const std::string& topic) : topic_(topic) {}

  void add_lane(const std::string& group) {
    protocol::OffsetCommitRequest request;
    request.group_id = group;
    auto& topic = request.topics.emplace_back();
    topic.name = topic_;
    topic.partitions.emplace_back().committed_offset = Offset(42);
    const auto frame = protocol::encode_request(request, kVersion, 1, "load");
    if (!frame) die("cannot encode an OffsetCommit request");
    frames_.push_back(flat(*frame));
  }

  ByteView next_request(std::size_t lane) override { return frames_[lane]; }

  std::int64_t take_answer(std::size_t, MutableByteView frame) override {
    const auto parsed = protocol::parse_response(frame, protocol::ApiKey::OffsetCommit, kVersion);
    if (!parsed) die("an answer to OffsetCommit is too short");
    const auto response = protocol::decode<protocol::OffsetCommitResponse>(parsed->body, kVersion);
    if (!response) die("an answer to OffsetCommit cannot be read");
    const ErrorCode error = response->topics.at(0).partitions.at(0).error_code;
    if (error != ErrorCode::None) {
      die("OffsetCommit: error " + std::to_string(static_cast<int>(error)));
    }
    return 0;
  }

 private:
  std::string topic_;
  std::vector<std::vector<std::byte>> frames_;
};

}  // namespace

void commit(const Options& options) {
  CommitLoad load(options.topic);
  ClosedLoop loop(load, {.requests = options.requests, .seconds = options.seconds});
  for (int i = 0; i < std::max(options.connections, 1); ++i) {
    const std::string group = "load-" + std::to_string(i);
    loop.add_lane(loop.connect(coordinator_of(options.bootstrap, group)));
    load.add_lane(group);
  }
  loop.run(options.wait).print();
}

}  // namespace ottla::load
