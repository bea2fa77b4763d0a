// What a leader looks at before it appends.
#include <benchmark/benchmark.h>

#include "bench/micro/batches.h"
#include "common/base/checksum.h"
#include "common/record/validation.h"

namespace ottla::micro {
namespace {

void crc32c_of(benchmark::State& state) {
  const std::vector<std::byte> bytes(static_cast<std::size_t>(state.range(0)), std::byte{7});
  for (auto _ : state) benchmark::DoNotOptimize(crc32c(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(crc32c_of)->Arg(100)->Arg(4 << 10)->Arg(64 << 10)->Arg(1 << 20);

/// Records of a size, in a batch of about 64 KiB.
void validate(benchmark::State& state) {
  const auto codec = static_cast<record::Codec>(state.range(1));
  const auto value_size = static_cast<std::size_t>(state.range(0));
  const SharedBuffer batch = make_batch(
      static_cast<int>(std::max<std::size_t>(1, (64 << 10) / value_size)), value_size, codec);
  state.SetLabel(std::string(record::name_of(codec)));
  const record::ValidationOptions options{.now_ms = 1'700'000'000'000};
  for (auto _ : state) {
    benchmark::DoNotOptimize(record::validate_records(batch->bytes(), options));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(batch->size()));
}
BENCHMARK(validate)->ArgsProduct({{100, 1000}, {0, 2, 3, 4}});

void validate_one_record(benchmark::State& state) {
  const SharedBuffer batch = make_batch(1, 100);
  const record::ValidationOptions options{.now_ms = 1'700'000'000'000};
  for (auto _ : state) {
    benchmark::DoNotOptimize(record::validate_records(batch->bytes(), options));
  }
}
BENCHMARK(validate_one_record);

void check_replicated(benchmark::State& state) {
  const SharedBuffer batch = make_batch(64, 1000);
  for (auto _ : state) {
    benchmark::DoNotOptimize(record::check_replicated(batch->bytes(), Offset(0)));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(batch->size()));
}
BENCHMARK(check_replicated);

}  // namespace
}  // namespace ottla::micro
