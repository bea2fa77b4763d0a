#include "cli/index_dump.h"

#include <cstdint>
#include <optional>
#include <vector>

#include "cli/index_entries.h"
#include "cli/segment_file.h"
#include "common/base/bytes.h"
#include "common/base/checksum.h"

namespace ottla::cli {
namespace {

constexpr std::size_t kSnapshotHeaderSize = 10;
constexpr std::size_t kSnapshotEntrySize = 46;

/// Of N.index N.log, of N.index.deleted N.log.deleted.
std::string log_beside(const std::string& path) {
  const std::size_t name = path.rfind('/') + 1;  // npos + 1 is 0
  const std::size_t kind = path.find('.', name);
  const std::size_t stage = path.find('.', kind + 1);
  return path.substr(0, kind) + ".log" +
         (stage == std::string::npos ? std::string() : path.substr(stage));
}

Result<> finish(const std::string& path, std::size_t faults) {
  if (faults == 0) return {};
  return fail(ErrorCode::InvalidRecord,
              path + ": " + std::to_string(faults) + " entries do not fit");
}

/// Each entry must be larger than the one before.
template <class Entry, class Projection>
std::size_t count_unordered(const std::vector<Entry>& entries, Projection value,
                            const std::string& path, std::ostream& err) {
  std::size_t faults = 0;
  for (std::size_t at = 1; at < entries.size(); ++at) {
    if (value(entries[at]) > value(entries[at - 1])) continue;
    ++faults;
    err << path << ": entry " << at << " (" << value(entries[at])
        << ") is not larger than the one before (" << value(entries[at - 1]) << ")\n";
  }
  return faults;
}

Result<> sanity(const EntryPrinter& printer, std::size_t entries, std::size_t faults) {
  OTTLA_TRY_VOID(finish(printer.file(), faults));
  printer.say(printer.file() + " passed sanity check.", {{"entries", entries}, {"sane", true}});
  return {};
}

}  // namespace

Result<> dump_offset_index(env::FileSystem& files, IndexDumpMode mode, const EntryPrinter& printer,
                           std::ostream& err) {
  const std::string& path = printer.file();
  OTTLA_TRY(const std::string text, env::read_file(files, path));
  OTTLA_TRY(const auto entries, read_offset_entries(text, path));
  std::size_t faults =
      count_unordered(entries, [](const OffsetEntry& entry) { return entry.offset; }, path, err);
  if (entries.empty()) {
    printer.say(path + " is empty.", {{"entries", 0}});
    return {};
  }
  if (mode == IndexDumpMode::SanityCheck) return sanity(printer, entries.size(), faults);

  OTTLA_TRY(const Offset base, base_offset_of(path));
  OTTLA_TRY(auto segment, SegmentFile::open(files, log_beside(path)));
  for (const auto& entry : entries) {
    // A preallocated file without entries: the active segment's.
    const bool padding = entry.position == 0 && entry.offset == base;
    if (mode == IndexDumpMode::Print) {
      printer.print({{"offset", entry.offset.value()}, {"position", entry.position}});
    }
    if (padding) continue;
    // The entry names the last offset of an append, and where the append begins: so the batch there
    // ends at this offset or, in an append of several, before it.
    OTTLA_TRY(const auto batch, segment.header_at(entry.position));
    const bool fits = batch && batch->last_offset() <= entry.offset;
    if (fits) continue;
    ++faults;
    err << path << ": offset " << entry.offset << " at position " << entry.position
        << (batch ? ", where a batch ends at offset " + std::to_string(batch->last_offset().value())
                  : ", where no batch begins")
        << '\n';
  }
  if (mode == IndexDumpMode::VerifyOnly) {
    printer.conclude({{"entries", entries.size()}, {"misfits", faults}});
  }
  return finish(path, faults);
}

Result<> dump_time_index(env::FileSystem& files, IndexDumpMode mode, const EntryPrinter& printer,
                         std::ostream& err) {
  const std::string& path = printer.file();
  OTTLA_TRY(const std::string text, env::read_file(files, path));
  OTTLA_TRY(const auto entries, read_time_entries(text, path));
  std::size_t faults =
      count_unordered(entries, [](const TimeEntry& entry) { return entry.timestamp; }, path, err);
  if (mode == IndexDumpMode::SanityCheck) return sanity(printer, entries.size(), faults);

  OTTLA_TRY(auto segment, SegmentFile::open(files, log_beside(path)));
  OTTLA_TRY(auto batch, segment.next());
  for (const auto& entry : entries) {
    if (mode == IndexDumpMode::Print) {
      printer.print({{"timestamp", entry.timestamp}, {"offset", entry.offset.value()}});
    }
    while (batch && batch->view.last_offset() < entry.offset) {
      OTTLA_TRY(batch, segment.next());
    }
    if (entry.timestamp <= 0 && entries.size() == 1) continue;  // preallocated, nothing in it yet
    if (batch && batch->view.max_timestamp() == entry.timestamp) continue;
    ++faults;
    err << path << ": timestamp " << entry.timestamp << " at offset " << entry.offset
        << (batch ? ", where the segment has " + std::to_string(batch->view.max_timestamp())
                  : ", which the segment does not have")
        << '\n';
  }
  if (mode == IndexDumpMode::VerifyOnly) {
    printer.conclude({{"entries", entries.size()}, {"misfits", faults}});
  }
  return finish(path, faults);
}

Result<> dump_transaction_index(env::FileSystem& files, const EntryPrinter& printer) {
  OTTLA_TRY(const std::string text, env::read_file(files, printer.file()));
  OTTLA_TRY(const auto entries, read_transaction_entries(text, printer.file()));
  for (const TransactionEntry& entry : entries) {
    printer.print({{"version", entry.version},
                   {"producerId", entry.producer_id.value()},
                   {"firstOffset", entry.first_offset.value()},
                   {"lastOffset", entry.last_offset.value()},
                   {"lastStableOffset", entry.last_stable_offset.value()}});
  }
  return {};
}

Result<> dump_producer_snapshot(env::FileSystem& files, const EntryPrinter& printer) {
  const std::string& path = printer.file();
  OTTLA_TRY(const std::string text, env::read_file(files, path));
  const std::vector<std::byte> copy(as_bytes(text).begin(), as_bytes(text).end());  // GCC 12 warns
  const ByteView bytes = copy;
  if (bytes.size() < kSnapshotHeaderSize) {
    return fail(ErrorCode::InvalidRecord, path + ": is too short for a producer snapshot");
  }
  const auto version = load_big_endian<std::int16_t>(bytes.data());
  const auto crc = load_big_endian<std::uint32_t>(bytes.data() + 2);
  const auto count = load_big_endian<std::int32_t>(bytes.data() + 6);
  // Behind Kafka's entries a broker of ours keeps its producers' earlier batches.
  const std::size_t most = (bytes.size() - kSnapshotHeaderSize) / kSnapshotEntrySize;
  const bool fits = count >= 0 && static_cast<std::size_t>(count) <= most;
  if (version != 1 || !fits || crc32c(bytes.subspan(6)) != crc) {
    return fail(ErrorCode::InvalidRecord, path + ": is damaged (version, size or checksum)");
  }
  for (std::int32_t number = 0; number < count; ++number) {
    const std::byte* entry =
        bytes.data() + kSnapshotHeaderSize + static_cast<std::size_t>(number) * kSnapshotEntrySize;
    const auto last_sequence = load_big_endian<std::int32_t>(entry + 10);
    const auto last_offset = load_big_endian<std::int64_t>(entry + 14);
    const auto offset_delta = load_big_endian<std::int32_t>(entry + 22);
    const auto timestamp = load_big_endian<std::int64_t>(entry + 26);
    const auto open_since = load_big_endian<std::int64_t>(entry + 38);
    const EntryField id{"producerId", load_big_endian<std::int64_t>(entry)};
    const EntryField epoch{"producerEpoch", load_big_endian<std::int16_t>(entry + 8)};
    const EntryField coordinator{"coordinatorEpoch", load_big_endian<std::int32_t>(entry + 34)};
    const bool is_open = open_since >= 0;
    const EntryField open{
        "currentTxnFirstOffset",
        is_open ? boost::json::value(open_since) : boost::json::value(nullptr),
        is_open ? "OptionalLong[" + std::to_string(open_since) + "]" : "OptionalLong.empty"};
    const EntryField last{"lastTimestamp", timestamp};
    if (last_offset < 0) {
      printer.print({id, epoch, coordinator, open, last});
      continue;
    }
    printer.print({id, epoch, coordinator, open, last,
                   EntryField{"firstSequence", std::int64_t{last_sequence} - offset_delta},
                   EntryField{"lastSequence", last_sequence}, EntryField{"lastOffset", last_offset},
                   EntryField{"offsetDelta", offset_delta}, EntryField{"timestamp", timestamp}});
  }
  return {};
}

}  // namespace ottla::cli
