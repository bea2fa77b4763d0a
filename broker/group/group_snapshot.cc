#include "broker/group/group_snapshot.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "broker/storage/log.h"
#include "common/base/checksum.h"

// The file: magic, version, CRC-32C of all that follows; end, last epoch, log start offset, number
// of entries; for each its producer, its offset, key and value (length -1: none). Big-endian.
namespace ottla::group {
namespace {

constexpr std::int32_t kMagic = 0x4f544753;  // "OTGS"
constexpr std::int16_t kVersion = 1;
constexpr std::size_t kChecksumAt = 6;
constexpr std::size_t kBodyAt = 10;

template <class T>
void put(std::string& out, T value) {
  std::array<std::byte, sizeof(T)> bytes;
  store_big_endian(bytes.data(), value);
  out.append(as_text(bytes));
}

void put_bytes(std::string& out, const std::string& bytes) {
  put(out, static_cast<std::int32_t>(bytes.size()));
  out += bytes;
}

class Reader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}

  template <class T>
  T get() {
    if (bytes_.size() < sizeof(T)) good_ = false;
    if (!good_) return {};
    const T value = load_big_endian<T>(bytes_.data());
    bytes_ = bytes_.subspan(sizeof(T));
    return value;
  }
  std::optional<std::string> get_bytes() {
    const auto size = get<std::int32_t>();
    if (!good_ || size < 0) return std::nullopt;
    if (static_cast<std::size_t>(size) > bytes_.size()) good_ = false;
    if (!good_) return std::nullopt;
    std::string text(as_text(bytes_.first(static_cast<std::size_t>(size))));
    bytes_ = bytes_.subspan(static_cast<std::size_t>(size));
    return text;
  }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] std::size_t left() const { return bytes_.size(); }

 private:
  ByteView bytes_;
  bool good_ = true;
};

std::string path_of(const storage::Log& log) {
  return log.directory() + "/" + kGroupSnapshotFile;
}

}  // namespace

std::string encode_snapshot(const GroupSnapshot& snapshot) {
  std::string out;
  put(out, kMagic);
  put(out, kVersion);
  put(out, std::uint32_t{0});
  put(out, snapshot.end.value());
  put(out, snapshot.last_epoch.value());
  put(out, snapshot.log_start_offset.value());
  put(out, static_cast<std::int64_t>(snapshot.entries.size()));
  for (const GroupSnapshot::Entry& entry : snapshot.entries) {
    put(out, entry.producer.value());
    put(out, entry.log_offset.value());
    put_bytes(out, entry.record.key);
    if (entry.record.value) {
      put_bytes(out, *entry.record.value);
    } else {
      put(out, std::int32_t{-1});
    }
  }
  const std::uint32_t checksum = crc32c(as_bytes(out).subspan(kBodyAt));
  std::string sum;
  put(sum, checksum);
  out.replace(kChecksumAt, sizeof(checksum), sum);
  return out;
}

Result<GroupSnapshot> decode_snapshot(ByteView bytes) {
  Reader reader(bytes);
  if (reader.get<std::int32_t>() != kMagic || reader.get<std::int16_t>() != kVersion) {
    return fail(ErrorCode::CorruptMessage, "no snapshot of a version that we know");
  }
  const auto checksum = reader.get<std::uint32_t>();
  if (!reader.good() || checksum != crc32c(bytes.subspan(kBodyAt))) {
    return fail(ErrorCode::CorruptMessage, "wrong checksum");
  }
  GroupSnapshot snapshot;
  snapshot.end = Offset(reader.get<std::int64_t>());
  snapshot.last_epoch = LeaderEpoch(reader.get<std::int32_t>());
  snapshot.log_start_offset = Offset(reader.get<std::int64_t>());
  const auto count = reader.get<std::int64_t>();
  for (std::int64_t i = 0; i < count && reader.good(); ++i) {
    GroupSnapshot::Entry entry;
    entry.producer = ProducerId(reader.get<std::int64_t>());
    entry.log_offset = Offset(reader.get<std::int64_t>());
    entry.record.key = reader.get_bytes().value_or("");
    entry.record.value = reader.get_bytes();
    snapshot.entries.push_back(std::move(entry));
  }
  if (!reader.good() || reader.left() != 0) {
    return fail(ErrorCode::CorruptMessage, "not as long as it says");
  }
  return snapshot;
}

bool is_of(const GroupSnapshot& snapshot, const storage::Log& log) {
  return snapshot.end > log.log_start_offset() && snapshot.end <= log.log_end_offset() &&
         snapshot.log_start_offset == log.log_start_offset() &&
         snapshot.last_epoch == log.leader_epoch_of(snapshot.end + -1);
}

std::optional<GroupSnapshot> read_snapshot(env::FileSystem& files, const storage::Log& log) {
  const auto content = env::read_file(files, path_of(log));
  if (!content) {
    LOG_IF(WARNING, env::io_error_kind(content.error()) != env::IoErrorKind::NotFound)
        << "[" << log.partition()
        << "] the snapshot of its groups cannot be read: " << content.error();
    return std::nullopt;
  }
  auto snapshot = decode_snapshot(as_bytes(*content));
  if (!snapshot) {
    LOG(WARNING) << "[" << log.partition()
                 << "] the snapshot of its groups is not used: " << snapshot.error();
    return std::nullopt;
  }
  if (is_of(*snapshot, log)) return *std::move(snapshot);
  LOG(INFO) << "[" << log.partition() << "] the snapshot of its groups, up to offset "
            << snapshot->end << ", leader epoch " << snapshot->last_epoch
            << ", is not of this log and not used";
  return std::nullopt;
}

Result<> write_snapshot(env::FileSystem& files, const storage::Log& log,
                        const GroupSnapshot& snapshot) {
  return env::replace_file(files, path_of(log), encode_snapshot(snapshot));
}

}  // namespace ottla::group
