// Everything that reads record bytes from a client, a peer or a disk, on arbitrary bytes. The first
// byte chooses the options.
#include <cstddef>
#include <cstdint>

#include "common/record/control_record.h"
#include "common/record/down_conversion.h"
#include "common/record/record_batch.h"
#include "common/record/records.h"
#include "common/record/validation.h"

namespace {

using namespace ottla;          // NOLINT(google-build-using-namespace): one small file
using namespace ottla::record;  // NOLINT(google-build-using-namespace)

constexpr std::size_t kLimit = std::size_t{4} << 20;

void read(const RecordBatchView& batch) {
  auto reader = RecordReader::open(batch, kLimit);
  if (!reader) return;
  Record record;
  std::size_t seen = 0;
  while (true) {
    const auto more = reader->next(record);
    if (!more || !*more) break;
    for (const Header& header : record.headers) seen += header.key.size();
  }
  (void)seen;
}

/// Checksums are put right, as a hostile client would.
void sign(MutableByteView bytes) {
  while (true) {
    auto batch = MutableRecordBatch::parse(bytes);
    if (!batch) return;
    batch->refresh_crc();
    bytes = bytes.subspan(batch->view().size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t choice = data[0];
  const SharedBuffer bytes = Buffer::copy_of(std::as_bytes(std::span(data + 1, size - 1)));
  sign(bytes->bytes());

  BatchIterator batches(bytes->bytes());
  DownConverter converter(choice & 1, Offset(0), kLimit);
  while (true) {
    const auto batch = batches.next();
    if (!batch || !*batch) break;
    read(**batch);
    (void)control_type(**batch);
    (void)converter.add(**batch);
  }
  (void)check_produce_format(8, bytes->bytes());
  (void)check_replicated(bytes->bytes(), Offset(0));

  ValidationOptions options;
  options.compacted = (choice & 2) != 0;
  if ((choice & 4) != 0) options.timestamp_type = TimestampType::LogAppendTime;
  if ((choice & 8) != 0) options.target_codec = static_cast<Codec>((choice >> 4) % 5);
  auto validated = validate_records(bytes->bytes(), options);
  if (validated && validated->record_count > 0) {
    validated->assign_offsets(Offset(1000), LeaderEpoch(1));
    const auto stored = RecordBatchView::parse(validated->bytes);
    // What was accepted can be read: consumers and the cleaner rely on it.
    if (!stored || !stored->validate_crc()) __builtin_trap();
    read(*stored);
  }
  return 0;
}
