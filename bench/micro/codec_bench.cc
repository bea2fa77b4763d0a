// Kafka's messages and compression.
#include <benchmark/benchmark.h>

#include "bench/micro/batches.h"
#include "common/protocol/frame.h"
#include "common/protocol/messages/fetch.h"
#include "common/protocol/messages/metadata.h"
#include "common/protocol/messages/produce.h"
#include "common/record/compression.h"

namespace ottla::micro {
namespace {

using protocol::ApiVersion;

/// Bytes of a message, for decoding again and again.
template <class M>
std::vector<std::byte> encoded(const M& message, ApiVersion version) {
  const Payload payload = protocol::encode(message, version).value();
  std::vector<std::byte> bytes;
  for (const PayloadPiece& piece : payload.pieces()) {
    const ByteView view = std::get<MemoryRange>(piece).bytes;
    bytes.insert(bytes.end(), view.begin(), view.end());
  }
  return bytes;
}

void decode_produce(benchmark::State& state) {
  const SharedBuffer batch = make_batch(1, 100);
  protocol::ProduceRequest request;
  request.acks = -1;
  auto& topic = request.topic_data.emplace_back();
  topic.name = "orders";
  for (int i = 0; i < state.range(0); ++i) {
    topic.partition_data.push_back({i, protocol::Records(batch->bytes())});
  }
  std::vector<std::byte> bytes = encoded(request, ApiVersion(9));
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        protocol::decode<protocol::ProduceRequest>(MutableByteView(bytes), ApiVersion(9)));
  }
}
BENCHMARK(decode_produce)->Arg(1)->Arg(100);

void decode_fetch(benchmark::State& state) {
  protocol::FetchRequest request;
  auto& topic = request.topics.emplace_back();
  topic.topic = "orders";
  for (int i = 0; i < state.range(0); ++i) topic.partitions.emplace_back().partition = i;
  std::vector<std::byte> bytes = encoded(request, ApiVersion(11));
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        protocol::decode<protocol::FetchRequest>(MutableByteView(bytes), ApiVersion(11)));
  }
}
BENCHMARK(decode_fetch)->Arg(1)->Arg(100);

void encode_metadata(benchmark::State& state) {
  protocol::MetadataResponse response;
  auto& topic = response.topics.emplace_back();
  topic.name = "orders";
  for (int i = 0; i < state.range(0); ++i) {
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = i;
    partition.replica_nodes = partition.isr_nodes = {BrokerId(1), BrokerId(2), BrokerId(3)};
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(protocol::encode_response(response, ApiVersion(9), 1));
  }
}
BENCHMARK(encode_metadata)->Arg(10)->Arg(1000);

constexpr std::size_t kPlain = 64 << 10;

void compress(benchmark::State& state) {
  const auto codec = static_cast<record::Codec>(state.range(0));
  const SharedBuffer plain = make_batch(64, 1000);
  state.SetLabel(std::string(record::name_of(codec)));
  for (auto _ : state) {
    record::GrowingBuffer out(kPlain);
    benchmark::DoNotOptimize(record::compress(codec, std::nullopt, plain->bytes(), out));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(plain->size()));
}
BENCHMARK(compress)->DenseRange(1, 4);

void decompress(benchmark::State& state) {
  const auto codec = static_cast<record::Codec>(state.range(0));
  const SharedBuffer plain = make_batch(64, 1000);
  record::GrowingBuffer packed(kPlain);
  if (!record::compress(codec, std::nullopt, plain->bytes(), packed)) std::abort();
  state.SetLabel(std::string(record::name_of(codec)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(record::decompress(codec, packed.bytes(), 1 << 20));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(plain->size()));
}
BENCHMARK(decompress)->DenseRange(1, 4);

}  // namespace
}  // namespace ottla::micro
