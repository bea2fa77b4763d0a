#include "broker/replica/offset_lookup.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "broker/storage/log.h"

namespace ottla::replica {
namespace {

bool reads_the_log(const OffsetQuery& query) {
  return query.timestamp >= 0 || query.timestamp == kMaxTimestamp || query.max_segments;
}

/// ListOffsets v0, as Kafka has kept it: what is above the high watermark shows as the high
/// watermark.
Result<std::vector<Offset>> find_segments(const OffsetQuery& query, const storage::Log& log,
                                          Offset high_watermark) {
  OTTLA_TRY(std::vector<storage::OffsetAtTime> history, log.offset_history());
  if (query.timestamp == kEarliestTimestamp) {
    history.resize(1);
  } else if (query.timestamp != kLatestTimestamp) {
    while (!history.empty() && history.back().time_ms > query.timestamp) history.pop_back();
  }
  std::vector<Offset> found;
  for (const storage::OffsetAtTime& at : history) {
    found.push_back(std::min(at.offset, high_watermark));
  }
  std::sort(found.begin(), found.end(), std::greater<>());
  // Several segments may lie above the high watermark.
  const auto uncommitted = std::find_if(found.begin(), found.end(),
                                        [&](Offset offset) { return offset < high_watermark; });
  if (uncommitted - found.begin() > 1) found.erase(found.begin() + 1, uncommitted);
  const auto wanted = static_cast<std::size_t>(std::max(*query.max_segments, 0));
  if (found.size() > wanted) found.resize(wanted);
  return found;
}

Result<ListedOffset> find(const OffsetQuery& query, IsolationLevel isolation,
                          const PartitionLookup& lookup) {
  OTTLA_TRY(const std::shared_ptr<Partition> partition, lookup.lookup(query.partition));
  OTTLA_TRY(const Partition::ReadAccess access,
            partition->read_access(query.current_leader_epoch, /*leader_only=*/true));
  storage::Log& log = *access.log;
  const Offset fetchable = isolation == IsolationLevel::ReadCommitted
                               ? log.last_stable_offset(access.high_watermark)
                               : access.high_watermark;
  // A new leader may not know yet what was committed before it: no answer is better than one that
  // goes back in time (KIP-207).
  const bool is_unsure = fetchable < access.epoch_start_offset;

  ListedOffset answer{.partition = query.partition};
  if (query.max_segments) {
    OTTLA_TRY(answer.segments, find_segments(query, log, access.high_watermark));
    return answer;
  }
  switch (query.timestamp) {
    case kLatestTimestamp:
      if (is_unsure) return fail(ErrorCode::OffsetNotAvailable);
      answer.offset = fetchable;
      answer.leader_epoch = access.leader_epoch;
      return answer;
    case kEarliestTimestamp:
    case kEarliestLocalTimestamp: {
      answer.offset = log.log_start_offset();
      answer.leader_epoch = log.leader_epoch_of(answer.offset);
      return answer;
    }
    case kLatestTieredTimestamp:
      return answer;
    default:
      break;
  }
  OTTLA_TRY(const std::optional<storage::TimestampOffset> found,
            query.timestamp == kMaxTimestamp ? log.find_max_timestamp()
                                             : log.find_by_timestamp(query.timestamp));
  if (!found) return answer;
  if (found->offset >= fetchable) {
    if (is_unsure) return fail(ErrorCode::OffsetNotAvailable);
    return answer;  // not committed: not there yet
  }
  answer.timestamp = found->timestamp;
  answer.offset = found->offset;
  answer.leader_epoch = found->leader_epoch;
  return answer;
}

ListedOffset answer_to(const OffsetQuery& query, IsolationLevel isolation,
                       const PartitionLookup& lookup) {
  auto found = find(query, isolation, lookup);
  if (found) return *std::move(found);
  return {.partition = query.partition, .error = found.error().code()};
}

}  // namespace

void look_up_offsets(std::vector<OffsetQuery> queries, IsolationLevel isolation,
                     std::shared_ptr<const PartitionLookup> lookup, env::Executor& on,
                     env::Executor& io, Callback<std::vector<ListedOffset>> done) {
  const auto answer_all = [](const std::vector<OffsetQuery>& all, IsolationLevel level,
                             const PartitionLookup& partitions) {
    std::vector<ListedOffset> answers;
    answers.reserve(all.size());
    for (const OffsetQuery& query : all) answers.push_back(answer_to(query, level, partitions));
    return answers;
  };
  if (std::none_of(queries.begin(), queries.end(), reads_the_log)) {
    std::move(done)(answer_all(queries, isolation, *lookup));
    return;
  }
  io.post([queries = std::move(queries), isolation, lookup = std::move(lookup), &on,
           done = std::move(done), answer_all]() mutable {
    on.post([answers = answer_all(queries, isolation, *lookup), done = std::move(done)]() mutable {
      std::move(done)(std::move(answers));
    });
  });
}

EpochAnswer look_up_epoch(const EpochQuery& query, const PartitionLookup& lookup) {
  const auto found = [&]() -> Result<storage::EpochEndOffset> {
    OTTLA_TRY(const std::shared_ptr<Partition> partition, lookup.lookup(query.partition));
    OTTLA_TRY(const Partition::ReadAccess access,
              partition->read_access(query.current_leader_epoch, /*leader_only=*/true));
    return access.log->end_offset_for_epoch(query.leader_epoch);
  }();
  EpochAnswer answer{.partition = query.partition};
  if (!found) {
    answer.error = found.error().code();
    return answer;
  }
  answer.leader_epoch = found->leader_epoch;
  answer.end_offset = found->end_offset;
  return answer;
}

}  // namespace ottla::replica
