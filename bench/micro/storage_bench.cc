// A log on this machine's disk, through the page cache.
#include <benchmark/benchmark.h>

#include <random>

#include "bench/micro/batches.h"
#include "bench/micro/log_on_disk.h"
#include "broker/storage/offset_index.h"

namespace ottla::micro {
namespace {

constexpr std::int64_t kMostBytes = 4LL << 30;  ///< A log is begun anew beyond.

/// As the leader, batches of a size.
void append(benchmark::State& state) {
  const auto value_size = static_cast<std::size_t>(std::min<std::int64_t>(state.range(0), 1000));
  const SharedBuffer batch =
      make_batch(std::max(1, static_cast<int>(state.range(0) / 1000)), value_size);
  auto on_disk = std::make_unique<LogOnDisk>();
  std::int64_t written = 0;
  for (auto _ : state) {
    const auto appended = on_disk->log()->append_as_leader(batch->bytes(), LeaderEpoch(0));
    if (!appended) state.SkipWithError("the append failed");
    written += static_cast<std::int64_t>(batch->size());
    if (written > kMostBytes) {
      state.PauseTiming();
      on_disk = std::make_unique<LogOnDisk>();
      written = 0;
      state.ResumeTiming();
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(batch->size()));
}
BENCHMARK(append)->Arg(100)->Arg(64'000)->Arg(1'000'000);

/// Where the range of a fetch lies, at random places of a log of 100,000 batches.
void find_range(benchmark::State& state) {
  const SharedBuffer batch = make_batch(1, 100);
  const LogOnDisk on_disk;
  constexpr std::int64_t kRecords = 100'000;
  for (std::int64_t i = 0; i < kRecords; ++i) {
    if (!on_disk.log()->append_as_leader(batch->bytes(), LeaderEpoch(0))) std::abort();
  }
  std::mt19937_64 random(1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(on_disk.log()->read(
        Offset(static_cast<std::int64_t>(random() % kRecords)), {.max_bytes = 4096}));
  }
}
BENCHMARK(find_range);

void index_lookup(benchmark::State& state) {
  LogOnDisk on_disk;
  const storage::SegmentPlace place(on_disk.directory(), Offset(0));
  storage::OffsetIndex index(on_disk.files(), place);
  const auto entries = static_cast<std::uint32_t>(state.range(0));
  if (!index.file().reset() || !index.file().activate(entries * 8)) std::abort();
  for (std::uint32_t i = 0; i < entries; ++i) {
    if (!index.append(Offset(i * 10LL + 9), i * 4096ULL)) std::abort();
  }
  std::mt19937_64 random(1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        index.lookup(Offset(static_cast<std::int64_t>(random() % (entries * 10ULL)))));
  }
}
BENCHMARK(index_lookup)->Arg(100)->Arg(10'000)->Arg(1'000'000);

}  // namespace
}  // namespace ottla::micro
