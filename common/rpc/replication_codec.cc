#include "common/rpc/replication_codec.h"

#include <algorithm>
#include <concepts>
#include <cstring>
#include <limits>
#include <utility>

namespace ottla::rpc {
namespace {

enum class Kind : std::uint8_t { Hello = 1, Follower = 2, Leader = 3 };
constexpr std::uint8_t kVersion = 0;
constexpr std::uint8_t kHasDivergence = 1;
constexpr std::uint8_t kHasQuestion = 2;

/// Smallest encoded sizes of list entries: a count that the bytes cannot hold is refused before
/// anything is allocated.
constexpr std::size_t kSubscriptionSize = 4 + 16 + 2 + 4 + 4 + 8 + 4 + 8;
constexpr std::size_t kUnsubscribeSize = 4;
constexpr std::size_t kProgressSize = 4 + 8 + 8;
constexpr std::size_t kConfirmationSize = 4 + 8;
constexpr std::size_t kPushSize = 4 + 2 + 1 + 8 + 8 + 8 + 4;

class Writer {
 public:
  explicit Writer(Kind kind) {
    put(static_cast<std::uint8_t>(kind));
    put(kVersion);
  }
  template <std::integral T>
  void put(T value) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof value);
    store_big_endian(bytes_.data() + at, value);
  }
  template <class Tag, class Rep>
  void put(Id<Tag, Rep> id) {
    put(id.value());
  }
  void put(const Uuid& id) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + 16);
    id.store(bytes_.data() + at);
  }
  void put(const std::string& text) {
    put(static_cast<std::uint16_t>(text.size()));
    const ByteView bytes = as_bytes(text);
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  void put_count(std::size_t count) { put(static_cast<std::uint32_t>(count)); }
  [[nodiscard]] std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

/// Reads fixed fields from bytes that are cut anywhere. A read beyond the end yields zeros and
/// makes `ok` false.
class Reader {
 public:
  explicit Reader(const std::vector<MemoryRange>& pieces) : pieces_(pieces) {
    for (const MemoryRange& piece : pieces_) left_ += piece.bytes.size();
  }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t left() const { return left_; }

  template <std::integral T>
  [[nodiscard]] T get() {
    std::byte bytes[sizeof(T)] = {};
    copy(bytes);
    return load_big_endian<T>(bytes);
  }
  template <class IdType>
  [[nodiscard]] IdType get_id() {
    return IdType(get<typename IdType::rep>());
  }
  [[nodiscard]] Uuid get_uuid() {
    std::byte bytes[16] = {};
    copy(bytes);
    return Uuid::load(bytes);
  }
  /// A count of entries of at least `entry_size` bytes each; 0 when so many cannot be there.
  [[nodiscard]] std::string get_string() {
    const std::size_t size = get<std::uint16_t>();
    if (size > left_) {
      ok_ = false;
      return {};
    }
    std::string text(size, '\0');
    copy({reinterpret_cast<std::byte*>(text.data()), size});
    return text;
  }
  [[nodiscard]] std::size_t get_count(std::size_t entry_size) {
    const std::size_t count = get<std::uint32_t>();
    if (count <= left_ / entry_size) return count;
    ok_ = false;
    return 0;
  }
  /// The next `size` bytes, as ranges.
  void take(std::size_t size, std::vector<MemoryRange>& into) {
    if (size > left_) {
      ok_ = false;
      return;
    }
    while (size > 0) {
      const ByteView here = skip_to_bytes();
      const std::size_t step = std::min(size, here.size());
      into.push_back({pieces_[index_].owner, here.first(step)});
      advance(step);
      size -= step;
    }
  }

 private:
  void copy(MutableByteView into) {
    if (into.size() > left_) {
      ok_ = false;
      left_ = 0;
      return;
    }
    for (std::size_t done = 0; done < into.size();) {
      const ByteView here = skip_to_bytes();
      const std::size_t step = std::min(here.size(), into.size() - done);
      std::memcpy(into.data() + done, here.data(), step);
      done += step;
      advance(step);
    }
  }
  ByteView skip_to_bytes() {
    while (offset_ == pieces_[index_].bytes.size()) {
      ++index_;
      offset_ = 0;
    }
    return pieces_[index_].bytes.subspan(offset_);
  }
  void advance(std::size_t count) {
    offset_ += count;
    left_ -= count;
  }

  const std::vector<MemoryRange>& pieces_;
  std::size_t index_ = 0;
  std::size_t offset_ = 0;
  std::size_t left_ = 0;
  bool ok_ = true;
};

Result<> begin(Reader& reader, Kind kind) {
  const auto got = reader.get<std::uint8_t>();
  const auto version = reader.get<std::uint8_t>();
  if (!reader.ok() || got != static_cast<std::uint8_t>(kind)) {
    return fail(ErrorCode::InvalidRequest, "replication stream: message of kind " +
                                               std::to_string(got) + " where kind " +
                                               std::to_string(static_cast<int>(kind)) + " is due");
  }
  if (version != kVersion) {
    return fail(ErrorCode::UnsupportedVersion,
                "replication stream: version " + std::to_string(version) + " is not known");
  }
  return {};
}

Result<> end(const Reader& reader) {
  if (reader.ok() && reader.left() == 0) return {};
  return fail(ErrorCode::InvalidRequest, "replication stream: the message's lengths do not fit");
}

}  // namespace

EncodedMessage encode(const StreamHello& hello) {
  Writer writer(Kind::Hello);
  writer.put(hello.follower);
  writer.put(hello.follower_epoch);
  writer.put(hello.leader);
  writer.put(hello.leader_epoch);
  return {writer.take(), {}};
}

Result<StreamHello> decode_hello(const std::vector<MemoryRange>& received) {
  Reader reader(received);
  OTTLA_TRY_VOID(begin(reader, Kind::Hello));
  StreamHello hello;
  hello.follower = reader.get_id<BrokerId>();
  hello.follower_epoch = reader.get_id<BrokerEpoch>();
  hello.leader = reader.get_id<BrokerId>();
  hello.leader_epoch = reader.get_id<BrokerEpoch>();
  OTTLA_TRY_VOID(end(reader));
  return hello;
}

EncodedMessage encode(const FollowerMessage& message) {
  Writer writer(Kind::Follower);
  writer.put(message.consumed_bytes);
  writer.put_count(message.subscribe.size());
  for (const Subscription& wanted : message.subscribe) {
    writer.put(wanted.id);
    writer.put(wanted.topic_id);
    writer.put(wanted.topic);
    writer.put(wanted.partition);
    writer.put(wanted.current_leader_epoch);
    writer.put(wanted.fetch_offset);
    writer.put(wanted.last_fetched_epoch);
    writer.put(wanted.log_start_offset);
  }
  writer.put_count(message.unsubscribe.size());
  for (const SubscriptionId id : message.unsubscribe) writer.put(id);
  writer.put_count(message.progress.size());
  for (const Progress& progress : message.progress) {
    writer.put(progress.id);
    writer.put(progress.log_end_offset);
    writer.put(progress.log_start_offset);
  }
  // Left out where there are none: an older leader does not know them.
  const bool confirms = !message.confirmed.empty();
  const bool lacks_room = !message.no_room.empty();
  if (!message.pause.empty() || !message.resume.empty() || lacks_room || confirms) {
    writer.put_count(message.pause.size());
    for (const SubscriptionId id : message.pause) writer.put(id);
    writer.put_count(message.resume.size());
    for (const SubscriptionId id : message.resume) writer.put(id);
  }
  if (lacks_room || confirms) {
    writer.put_count(message.no_room.size());
    for (const SubscriptionId id : message.no_room) writer.put(id);
  }
  if (confirms) {
    writer.put_count(message.confirmed.size());
    for (const FollowerMessage::Confirmation& confirmation : message.confirmed) {
      writer.put(confirmation.id);
      writer.put(confirmation.question);
    }
  }
  return {writer.take(), {}};
}

Result<FollowerMessage> decode_follower_message(const std::vector<MemoryRange>& received) {
  Reader reader(received);
  OTTLA_TRY_VOID(begin(reader, Kind::Follower));
  FollowerMessage message;
  message.consumed_bytes = reader.get<std::uint64_t>();
  message.subscribe.resize(reader.get_count(kSubscriptionSize));
  for (Subscription& wanted : message.subscribe) {
    wanted.id = reader.get_id<SubscriptionId>();
    wanted.topic_id = reader.get_uuid();
    wanted.topic = reader.get_string();
    wanted.partition = reader.get<std::int32_t>();
    wanted.current_leader_epoch = reader.get_id<LeaderEpoch>();
    wanted.fetch_offset = reader.get_id<Offset>();
    wanted.last_fetched_epoch = reader.get_id<LeaderEpoch>();
    wanted.log_start_offset = reader.get_id<Offset>();
  }
  message.unsubscribe.resize(reader.get_count(kUnsubscribeSize));
  for (SubscriptionId& id : message.unsubscribe) id = reader.get_id<SubscriptionId>();
  message.progress.resize(reader.get_count(kProgressSize));
  for (Progress& progress : message.progress) {
    progress.id = reader.get_id<SubscriptionId>();
    progress.log_end_offset = reader.get_id<Offset>();
    progress.log_start_offset = reader.get_id<Offset>();
  }
  if (reader.left() > 0) {
    message.pause.resize(reader.get_count(kUnsubscribeSize));
    for (SubscriptionId& id : message.pause) id = reader.get_id<SubscriptionId>();
    message.resume.resize(reader.get_count(kUnsubscribeSize));
    for (SubscriptionId& id : message.resume) id = reader.get_id<SubscriptionId>();
  }
  if (reader.left() > 0) {
    message.no_room.resize(reader.get_count(kUnsubscribeSize));
    for (SubscriptionId& id : message.no_room) id = reader.get_id<SubscriptionId>();
  }
  if (reader.left() > 0) {
    message.confirmed.resize(reader.get_count(kConfirmationSize));
    for (FollowerMessage::Confirmation& confirmation : message.confirmed) {
      confirmation.id = reader.get_id<SubscriptionId>();
      confirmation.question = reader.get<std::uint64_t>();
    }
  }
  OTTLA_TRY_VOID(end(reader));
  return message;
}

EncodedMessage encode(LeaderMessage message) {
  EncodedMessage encoded;
  Writer writer(Kind::Leader);
  writer.put_count(message.partitions.size());
  for (PartitionPush& push : message.partitions) {
    writer.put(push.id);
    writer.put(static_cast<std::int16_t>(push.error));
    writer.put(static_cast<std::uint8_t>((push.divergence ? kHasDivergence : 0) |
                                         (push.confirm != 0 ? kHasQuestion : 0)));
    writer.put(push.high_watermark);
    writer.put(push.log_start_offset);
    writer.put(push.log_end_offset);
    if (push.divergence) {
      writer.put(push.divergence->leader_epoch);
      writer.put(push.divergence->end_offset);
    }
    if (push.confirm != 0) writer.put(push.confirm);
    writer.put_count(static_cast<std::size_t>(record_bytes(push)));
    for (MemoryRange& piece : push.records) encoded.records.push_back(std::move(piece));
  }
  encoded.header = writer.take();
  return encoded;
}

Result<LeaderMessage> decode_leader_message(const std::vector<MemoryRange>& received) {
  Reader reader(received);
  OTTLA_TRY_VOID(begin(reader, Kind::Leader));
  LeaderMessage message;
  message.partitions.resize(reader.get_count(kPushSize));
  std::vector<std::size_t> sizes;
  sizes.reserve(message.partitions.size());
  for (PartitionPush& push : message.partitions) {
    push.id = reader.get_id<SubscriptionId>();
    push.error =
        error_code_from(reader.get<std::int16_t>()).value_or(ErrorCode::UnknownServerError);
    const auto flags = reader.get<std::uint8_t>();
    push.high_watermark = reader.get_id<Offset>();
    push.log_start_offset = reader.get_id<Offset>();
    push.log_end_offset = reader.get_id<Offset>();
    if ((flags & kHasDivergence) != 0) {
      PartitionPush::Divergence divergence;
      divergence.leader_epoch = reader.get_id<LeaderEpoch>();
      divergence.end_offset = reader.get_id<Offset>();
      push.divergence = divergence;
    }
    if ((flags & kHasQuestion) != 0) push.confirm = reader.get<std::uint64_t>();
    sizes.push_back(reader.get<std::uint32_t>());
  }
  for (std::size_t i = 0; i < sizes.size() && reader.ok(); ++i) {
    reader.take(sizes[i], message.partitions[i].records);
  }
  OTTLA_TRY_VOID(end(reader));
  return message;
}

}  // namespace ottla::rpc
