// Offset commits, without the log that stores them.
#include <benchmark/benchmark.h>

#include "broker/group/coordinator_for_tests.h"

namespace ottla::micro {
namespace {

/// `range` partitions in a commit, of a group without members.
void commit_offsets(benchmark::State& state) {
  group::TestCoordinator coordinator;
  std::int64_t offset = 0;
  for (auto _ : state) {
    group::CommitRequest request;
    request.group = "billing";
    for (std::int32_t i = 0; i < state.range(0); ++i) {
      request.offsets.push_back({{"orders", i}, {.offset = Offset(++offset)}});
    }
    bool stored = false;
    coordinator.core.commit(std::move(request), [&](const std::vector<ErrorCode>& outcomes) {
      stored = outcomes[0] == ErrorCode::None;
    });
    if (!stored) state.SkipWithError("the commit failed");
    coordinator.log.logs.clear();
  }
  state.SetItemsProcessed(offset);
}
BENCHMARK(commit_offsets)->Arg(1)->Arg(100);

}  // namespace
}  // namespace ottla::micro
