#include "broker/api/producer_ids.h"

#include <glog/logging.h>

#include <optional>
#include <utility>

namespace ottla::api {
namespace {

constexpr std::size_t kMostWaiting = 10'000;
/// The next block is asked for when this part of the current one is left.
constexpr std::int64_t kRefillPart = 10;

}  // namespace

struct ProducerIds::State : std::enable_shared_from_this<State> {
  explicit State(ProducerIdBlocks& source) : blocks(source) {}

  struct Block {
    std::int64_t next = 0;
    std::int64_t end = 0;
    [[nodiscard]] bool empty() const { return next == end; }
  };

  [[nodiscard]] std::optional<ProducerId> take() OTTLA_REQUIRES(mutex) {
    if (current.empty()) current = std::exchange(following, {});
    if (current.empty()) return std::nullopt;
    return ProducerId(current.next++);
  }
  [[nodiscard]] bool should_request() OTTLA_REQUIRES(mutex) {
    const bool low = current.end - current.next <= block_size / kRefillPart;
    return low && following.empty() && !std::exchange(requested, true);
  }

  void request();
  void on_block(Result<rpc::AllocateProducerIdsReply> reply);

  ProducerIdBlocks& blocks;
  Mutex mutex{LockRank::Leaf};
  Block current OTTLA_GUARDED_BY(mutex);
  Block following OTTLA_GUARDED_BY(mutex);
  std::int64_t block_size OTTLA_GUARDED_BY(mutex) = 0;
  bool requested OTTLA_GUARDED_BY(mutex) = false;
  std::deque<Callback<Result<ProducerId>>> waiting OTTLA_GUARDED_BY(mutex);
};

ProducerIds::ProducerIds(ProducerIdBlocks& blocks) : state_(std::make_shared<State>(blocks)) {}

ProducerIds::~ProducerIds() = default;

void ProducerIds::next(Callback<Result<ProducerId>> done) {
  std::optional<ProducerId> id;
  bool refused = false;
  bool request = false;
  {
    MutexLock lock(state_->mutex);
    id = state_->take();
    request = state_->should_request();
    refused = !id && state_->waiting.size() >= kMostWaiting;
    if (!id && !refused) state_->waiting.push_back(std::move(done));
  }
  if (request) state_->request();
  if (id) {
    std::move(done)(*id);
  } else if (refused) {
    std::move(done)(fail(ErrorCode::CoordinatorLoadInProgress));
  }
}

void ProducerIds::State::request() {
  blocks.allocate([self = weak_from_this()](Result<rpc::AllocateProducerIdsReply> reply) {
    if (const auto state = self.lock()) state->on_block(std::move(reply));
  });
}

void ProducerIds::State::on_block(Result<rpc::AllocateProducerIdsReply> reply) {
  const bool usable = reply && reply->error == ErrorCode::None && reply->count > 0;
  if (!usable) {
    LOG_EVERY_T(WARNING, 10) << "no block of producer ids from the controller: "
                             << (reply ? Error(reply->error) : reply.error());
  }
  std::deque<std::pair<Callback<Result<ProducerId>>, Result<ProducerId>>> answers;
  {
    MutexLock lock(mutex);
    requested = false;
    if (usable) {
      block_size = reply->count;
      following = {reply->first.value(), reply->first.value() + reply->count};
    }
    while (!waiting.empty()) {
      const std::optional<ProducerId> id = take();
      if (!id && usable) break;
      Result<ProducerId> answer = fail(ErrorCode::CoordinatorLoadInProgress);
      if (id) answer = *id;
      answers.emplace_back(std::move(waiting.front()), std::move(answer));
      waiting.pop_front();
    }
  }
  for (auto& [done, answer] : answers) std::move(done)(std::move(answer));
  bool again = false;
  {
    MutexLock lock(mutex);
    again = usable && !waiting.empty() && should_request();
  }
  if (again) request();
}

}  // namespace ottla::api
