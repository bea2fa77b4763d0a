#include "cli/replica_comparison.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <ranges>

#include "common/base/checksum.h"
#include "common/record/record_batch.h"
#include "common/record/records.h"

namespace ottla::cli {
namespace {

std::uint32_t checksum_of(std::int64_t number, std::uint32_t seed) {
  std::array<std::byte, 8> bytes{};
  store_big_endian(bytes.data(), number);
  return crc32c(bytes, seed);
}

std::uint32_t checksum_of(const std::optional<ByteView>& text, std::uint32_t seed) {
  const auto size = text ? static_cast<std::int64_t>(text->size()) : -1;
  return crc32c(text.value_or(ByteView()), checksum_of(size, seed));
}

/// Key, value, time and headers: a cleaner keeps them, and packs them anew.
LogPiece piece_of(const record::Record& record, LeaderEpoch epoch) {
  std::uint32_t sum = checksum_of(record.timestamp, 0);
  sum = checksum_of(record.key, sum);
  sum = checksum_of(record.value, sum);
  sum = checksum_of(std::optional(record.headers.bytes()), sum);
  return {record.offset, record.offset, record.size, sum, epoch};
}

LogPiece piece_of(const record::RecordBatchView& batch) {
  return {batch.base_offset(),   batch.last_offset(),  batch.size(),
          crc32c(batch.bytes()), batch.leader_epoch(), !batch.validate_crc()};
}

/// False: a record could not be read.
bool add_records(const record::RecordBatchView& batch, std::vector<LogPiece>& pieces) {
  auto reader = record::RecordReader::open(batch);
  if (!reader) return false;
  record::Record record;
  while (true) {
    const auto more = reader->next(record);
    if (!more) return false;
    if (!*more) return true;
    pieces.push_back(piece_of(record, batch.leader_epoch()));
  }
}

std::string text_of(const LogPiece* piece) {
  if (piece == nullptr) return "nothing there";
  std::array<char, 200> text{};
  std::snprintf(text.data(), text.size(), "offsets %lld to %lld, %zu bytes, checksum %08x",
                static_cast<long long>(piece->first.value()),
                static_cast<long long>(piece->last.value()), piece->bytes, piece->checksum);
  std::string whole = text.data();
  if (piece->leader_epoch != kUnknownLeaderEpoch) {
    whole += ", leader epoch " + std::to_string(piece->leader_epoch.value());
  }
  return whole + (piece->is_damaged ? ", damaged" : "");
}

/// What one replica has at an offset; null: nothing.
struct Version {
  BrokerId broker;
  const LogPiece* piece = nullptr;
};

bool is_same(const Version& one, const Version& other) {
  if (one.piece == nullptr || other.piece == nullptr) return one.piece == other.piece;
  return *one.piece == *other.piece;
}

ReplicaDifference difference_at(Offset offset, const std::vector<Version>& versions) {
  ReplicaDifference difference{.offset = offset, .versions = {}};
  for (const Version& version : versions) {
    const std::string text = text_of(version.piece);
    auto known = std::ranges::find(difference.versions, text,
                                   [](const auto& pair) -> const auto& { return pair.first; });
    if (known == difference.versions.end()) {
      difference.versions.push_back({text, {}});
      known = std::prev(difference.versions.end());
    }
    known->second.push_back(version.broker);
  }
  std::ranges::stable_sort(difference.versions, std::ranges::greater(),
                           [](const auto& pair) { return pair.second.size(); });
  return difference;
}

/// The first piece that reaches an offset.
const LogPiece* piece_from(const ReplicaPieces& replica, Offset offset) {
  const auto at = std::ranges::lower_bound(replica.pieces, offset, {}, &LogPiece::last);
  return at == replica.pieces.end() ? nullptr : &*at;
}

}  // namespace

ReplicaPieces read_pieces(BrokerId broker, ByteView sent, Offset from, bool by_record) {
  ReplicaPieces replica{.broker = broker, .pieces = {}, .end = from};
  while (!sent.empty()) {
    // Messages of old formats may be shorter than the header of a batch.
    const bool is_short = sent.size() < record::kHeaderScanSize;
    const auto header = is_short ? record::RecordBatchView::parse(sent)
                                 : record::RecordBatchView::parse_header(sent);
    if (!header && is_short) return replica;
    if (!header) {
      replica.pieces.push_back(
          {.first = replica.end, .last = replica.end, .bytes = sent.size(), .is_damaged = true});
      replica.end = replica.end.next();
      return replica;
    }
    if (!header->is_whole()) return replica;  // the last one, cut by the size of the fetch
    const bool is_wanted = header->last_offset() >= from;
    const std::size_t before = replica.pieces.size();
    const LogPiece whole = piece_of(*header);
    if (is_wanted && (!by_record || whole.is_damaged || !add_records(*header, replica.pieces))) {
      replica.pieces.resize(before);
      replica.pieces.push_back(whole);
      replica.pieces.back().is_damaged = whole.is_damaged || by_record;
    }
    if (is_wanted) replica.end = header->next_offset();
    sent = sent.subspan(header->size());
  }
  return replica;
}

ReplicaComparison compare_replicas(Offset from, const std::vector<ReplicaPieces>& replicas,
                                   bool may_have_gaps) {
  ReplicaComparison result{.end = from, .differences = {}};
  if (replicas.empty()) return result;
  const Offset limit = std::ranges::min(replicas | std::views::transform(&ReplicaPieces::end));
  while (result.end < limit) {
    std::optional<Offset> first;
    for (const ReplicaPieces& replica : replicas) {
      const LogPiece* const piece = piece_from(replica, result.end);
      if (piece != nullptr) first = std::min(first.value_or(piece->first), piece->first);
    }
    if (!first || *first >= limit) {
      result.end = limit;
      break;
    }
    std::vector<Version> versions;
    Offset last = *first;
    bool is_damaged = false;
    for (const ReplicaPieces& replica : replicas) {
      const LogPiece* piece = piece_from(replica, result.end);
      if (piece != nullptr && piece->first != *first) piece = nullptr;
      if (piece != nullptr) last = std::max(last, piece->last);
      is_damaged = is_damaged || (piece != nullptr && piece->is_damaged);
      if (piece != nullptr || !may_have_gaps) versions.push_back({replica.broker, piece});
    }
    if (last >= limit) break;  // not all have shown so far
    const bool differs = std::ranges::any_of(
        versions, [&](const Version& version) { return !is_same(version, versions.front()); });
    if (differs || is_damaged) result.differences.push_back(difference_at(*first, versions));
    result.end = last.next();
  }
  return result;
}

std::string text_of(const ReplicaDifference& difference) {
  std::string text;
  // Whoever differs from most is named first.
  for (const auto& [what, brokers] : std::views::reverse(difference.versions)) {
    text += text.empty() ? "" : ", ";
    text += brokers.size() == 1 ? "broker " : "brokers ";
    for (std::size_t i = 0; i < brokers.size(); ++i) {
      text += (i > 0 ? ", " : "") + std::to_string(brokers[i].value());
    }
    text += (brokers.size() == 1 ? " has (" : " have (") + what + ")";
  }
  return text;
}

}  // namespace ottla::cli
