#include "broker/group/group_loader.h"

#include <utility>

#include <glog/logging.h>

#include "common/record/control_record.h"
#include "common/record/records.h"

namespace ottla::group {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

}  // namespace

Result<> GroupLoader::add(ByteView batches) {
  record::BatchIterator iterator(batches);
  while (true) {
    OTTLA_TRY(const auto batch, iterator.next());
    if (!batch) return {};
    add(*batch);
  }
}

void GroupLoader::add(const record::RecordBatchView& batch) {
  if (batch.is_control()) return end_transaction(batch);
  add_records(batch);
}

void GroupLoader::add_records(const record::RecordBatchView& batch) {
  auto reader = record::RecordReader::open(batch);
  if (!reader) return count_unreadable(batch, reader.error());
  record::Record record;
  while (true) {
    const auto more = reader->next(record);
    if (!more) return count_unreadable(batch, more.error());
    if (!*more) return;
    ++records_;
    if (!record.key) {
      count_unreadable(batch, Error(ErrorCode::CorruptMessage, "a record without a key"));
      continue;
    }
    auto entry = decode_entry(*record.key, record.value);
    if (!entry) {
      count_unreadable(batch, entry.error());
    } else if (*entry) {
      apply(**std::move(entry), batch.is_transactional() ? batch.producer_id() : kNoProducerId,
            record.offset);
    }
  }
}

void GroupLoader::apply(LogEntry entry, ProducerId open_transaction, Offset log_offset) {
  std::visit(Overloaded{[&](OffsetEntry& offset) {
                          const bool open = open_transaction != kNoProducerId;
                          auto& offsets =
                              open ? open_[open_transaction][offset.group] : offsets_[offset.group];
                          if (offset.committed) {
                            offsets[offset.partition] = {*std::move(offset.committed), log_offset};
                          } else {
                            offsets.erase(offset.partition);
                          }
                        },
                        [&](GroupEntry& group) {
                          if (group.image) {
                            images_[group.group] = *std::move(group.image);
                          } else {
                            images_.erase(group.group);
                          }
                        },
                        [&](EndedOffsetEntry& offset) {
                          auto& offsets = ended_[offset.group];
                          if (offset.ended) {
                            offsets[offset.partition] = *std::move(offset.ended);
                          } else {
                            offsets.erase(offset.partition);
                          }
                          if (offsets.empty()) ended_.erase(offset.group);
                        }},
             entry);
}

void GroupLoader::end_transaction(const record::RecordBatchView& marker) {
  const auto kind = record::control_type(marker);
  if (!kind) return count_unreadable(marker, kind.error());
  auto ended = open_.extract(marker.producer_id());
  if (ended.empty() || *kind != record::ControlType::Commit) return;
  for (auto& [group, committed] : ended.mapped()) {
    Offsets& offsets = offsets_[group];
    for (auto& [partition, stored] : committed) {
      const auto held = offsets.find(partition);
      if (held == offsets.end() || held->second.log_offset < stored.log_offset) {
        offsets[partition] = std::move(stored);
      }
    }
  }
}

void GroupLoader::count_unreadable(const record::RecordBatchView& batch, const Error& error) {
  ++unreadable_;
  LOG_EVERY_T(ERROR, 1) << "[" << kOffsetsTopic << "] a record at offset " << batch.base_offset()
                        << " or behind it is left out: " << error;
}

Result<> GroupLoader::restore(const std::vector<GroupSnapshot::Entry>& entries) {
  for (const GroupSnapshot::Entry& entry : entries) {
    OTTLA_TRY(auto decoded,
              decode_entry(as_bytes(entry.record.key),
                           entry.record.value ? std::optional(as_bytes(*entry.record.value))
                                              : std::nullopt));
    if (decoded) apply(*std::move(decoded), entry.producer, entry.log_offset);
  }
  return {};
}

Result<std::vector<GroupSnapshot::Entry>> GroupLoader::entries() const {
  std::vector<GroupSnapshot::Entry> entries;
  const auto add = [&](ProducerId producer, const std::string& group,
                       const Offsets& offsets) -> Result<> {
    for (const auto& [partition, stored] : offsets) {
      OTTLA_TRY(LogRecord record, offset_record(group, partition, stored.committed));
      entries.push_back({producer, stored.log_offset, std::move(record)});
    }
    return {};
  };
  for (const auto& [id, image] : images_) {
    OTTLA_TRY(LogRecord record, group_record(id, image));
    entries.push_back({kNoProducerId, kUnknownOffset, std::move(record)});
  }
  for (const auto& [id, offsets] : offsets_) OTTLA_TRY_VOID(add(kNoProducerId, id, offsets));
  for (const auto& [producer, by_group] : open_) {
    for (const auto& [id, offsets] : by_group) OTTLA_TRY_VOID(add(producer, id, offsets));
  }
  for (const auto& [id, offsets] : ended_) {
    for (const auto& [partition, ended] : offsets) {
      OTTLA_TRY(LogRecord record, ended_offset_record(id, partition, ended));
      entries.push_back({kNoProducerId, kUnknownOffset, std::move(record)});
    }
  }
  return entries;
}

LoadedGroups GroupLoader::finish() {
  LoadedGroups groups;
  const auto group_of = [&](const std::string& id) -> Group& {
    auto& group = groups[id];
    if (!group) group = std::make_shared<Group>(id);
    return *group;
  };
  for (const auto& [id, image] : images_) group_of(id).restore(image);
  for (auto& [id, offsets] : offsets_) {
    for (auto& [partition, stored] : offsets) {
      group_of(id).offsets.load(partition, std::move(stored));
    }
  }
  for (auto& [producer, by_group] : open_) {
    for (auto& [id, offsets] : by_group) {
      for (auto& [partition, stored] : offsets) {
        group_of(id).offsets.add_transactional(producer, partition, std::move(stored));
      }
    }
  }
  return groups;
}

}  // namespace ottla::group
