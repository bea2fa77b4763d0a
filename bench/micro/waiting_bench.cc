// What waits: acks=all appends for the high watermark, and the timers behind every wait.
#include <benchmark/benchmark.h>

#include "bench/micro/batches.h"
#include "bench/micro/log_on_disk.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/replica/partition.h"

namespace ottla::micro {
namespace {

using std::chrono::seconds;

class Waiter final : public replica::CommitWaiter {
 public:
  void on_commit_decided(std::uint32_t, ErrorCode outcome) override {
    if (outcome == ErrorCode::None) ++committed;
  }
  std::int64_t committed = 0;
};

/// `range` appends wait; then the follower has them all.
void wait_for_commit(benchmark::State& state) {
  LogOnDisk on_disk;
  metadata::MetadataCache metadata;
  const auto context = std::make_shared<replica::PartitionContext>(BrokerId(1), on_disk.clock(),
                                                                   metadata, seconds(30));
  const auto partition =
      std::make_shared<replica::Partition>(context, TopicPartition{"orders", 0}, TopicId{1, 2});
  replica::RoleChange change;
  change.assignment.replicas = {BrokerId(1), BrokerId(2)};
  change.state = {
      .leader = BrokerId(1), .leader_epoch = LeaderEpoch(0), .isr = {BrokerId(1), BrokerId(2)}};
  change.log = on_disk.log();
  change.config = {.log = std::make_shared<storage::LogConfig>(), .min_insync_replicas = 2};
  if (!partition->become_leader(change)) std::abort();
  const int stream = 0;
  const replica::Partition::FollowerLink link{BrokerId(2), &stream, LeaderEpoch(0)};
  const rpc::StreamHello hello{.follower = BrokerId(2), .leader = BrokerId(1)};
  if (partition->admit_follower(hello, &stream, {.topic_id = TopicId{1, 2}})) std::abort();
  const SharedBuffer batch = make_batch(1, 100);
  const auto waiter = std::make_shared<Waiter>();
  const std::int64_t at_once = state.range(0);
  for (auto _ : state) {
    Offset end{0};
    for (std::int64_t i = 0; i < at_once; ++i) {
      const auto appended = partition->append_as_leader(
          batch->bytes(), replica::Acks::All, std::nullopt, storage::AppendOrigin::Client);
      if (!appended) std::abort();
      end = on_disk.log()->log_end_offset();
      partition->await_commit(end, LeaderEpoch(0), waiter, 0);
    }
    (void)partition->on_follower_progress(link, end, Offset(0));  // asks for no other ISR
  }
  if (waiter->committed != state.iterations() * at_once) state.SkipWithError("not all committed");
  state.SetItemsProcessed(waiter->committed);
}
BENCHMARK(wait_for_commit)->Arg(1)->Arg(32)->Arg(1000);

/// A timer that is cancelled before it is due, beside `range` others.
void timer_set_and_cancelled(benchmark::State& state) {
  env::EventLoop loop("micro-loop");
  std::vector<env::TimerHandle> others;
  for (int i = 0; i < state.range(0); ++i)
    others.push_back(loop.post_after(seconds(60 + i % 60), [] {}));
  for (auto _ : state) loop.post_after(seconds(30), [] {})->cancel();
  others.clear();
  loop.stop();
}
BENCHMARK(timer_set_and_cancelled)->Arg(0)->Arg(1000)->Arg(100'000);

}  // namespace
}  // namespace ottla::micro
