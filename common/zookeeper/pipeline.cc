#include "common/zookeeper/pipeline.h"

#include <algorithm>

namespace ottla::zookeeper {

const char* name_of(ZkError error) {
  switch (error) {
    case ZkError::NoNode:
      return "NoNode";
    case ZkError::NodeExists:
      return "NodeExists";
    case ZkError::BadVersion:
      return "BadVersion";
    case ZkError::NotEmpty:
      return "NotEmpty";
    case ZkError::NoChildrenForEphemerals:
      return "NoChildrenForEphemerals";
    case ZkError::ConnectionLoss:
      return "ConnectionLoss";
    case ZkError::SessionExpired:
      return "SessionExpired";
    case ZkError::NoAuth:
      return "NoAuth";
    case ZkError::RolledBack:
      return "RolledBack";
    case ZkError::Other:
      return "Other";
  }
  return "?";
}

Callback<Reply> deliver_node(Callback<ZkResult<Node>> done) {
  return [done = std::move(done)](Reply reply) mutable {
    if (reply.error) {
      std::move(done)(tl::unexpected(*reply.error));
    } else {
      std::move(done)(std::move(reply.node));
    }
  };
}

Callback<Reply> deliver_stat(Callback<ZkResult<Stat>> done) {
  return [done = std::move(done)](Reply reply) mutable {
    if (reply.error) {
      std::move(done)(tl::unexpected(*reply.error));
    } else {
      std::move(done)(reply.node.stat);
    }
  };
}

Callback<Reply> deliver_children(Callback<ZkResult<std::vector<std::string>>> done) {
  return [done = std::move(done)](Reply reply) mutable {
    if (reply.error) {
      std::move(done)(tl::unexpected(*reply.error));
    } else {
      std::sort(reply.children.begin(), reply.children.end());
      std::move(done)(std::move(reply.children));
    }
  };
}

Callback<Reply> deliver_multi(std::size_t ops, Callback<MultiResult> done) {
  return [ops, done = std::move(done)](Reply reply) mutable {
    if (reply.error) {
      // ConnectionLoss and SessionExpired concern every operation.
      if (reply.errors.size() != ops) reply.errors.assign(ops, *reply.error);
      std::move(done)(tl::unexpected(std::move(reply.errors)));
    } else {
      std::move(done)(std::move(reply.results));
    }
  };
}

Callback<Reply> deliver_single(Callback<ZkResult<OpResult>> done) {
  return [done = std::move(done)](Reply reply) mutable {
    if (reply.error) {
      std::move(done)(tl::unexpected(*reply.error));
    } else {
      std::move(done)(reply.results.empty() ? OpResult{} : std::move(reply.results.front()));
    }
  };
}

void Pipeline::add(Request request, Callback<Reply> done) {
  entries_.push_back({.request = std::move(request), .done = std::move(done), .reply = {}});
}

std::optional<Pipeline::Sending> Pipeline::next() {
  if (!connected_) return std::nullopt;
  for (; next_to_send_ < entries_.size(); ++next_to_send_) {
    Entry& entry = entries_[next_to_send_];
    if (entry.attempt != 0 || entry.reply) continue;
    const bool is_write = std::holds_alternative<WriteRequest>(entry.request);
    const std::size_t of_its_kind = is_write ? writes_in_flight_ : in_flight_ - writes_in_flight_;
    if (of_its_kind >= (is_write ? max_writes_ : max_reads_)) return std::nullopt;
    entry.attempt = ++last_attempt_;
    ++in_flight_;
    if (is_write) ++writes_in_flight_;
    ++next_to_send_;
    return Sending{entry.attempt, &entry.request};
  }
  return std::nullopt;
}

void Pipeline::no_longer_in_flight(const Entry& entry) {
  --in_flight_;
  if (std::holds_alternative<WriteRequest>(entry.request)) --writes_in_flight_;
}

void Pipeline::lose(Entry& entry) {
  entry.attempt = 0;
  no_longer_in_flight(entry);
  if (std::holds_alternative<WriteRequest>(entry.request)) {
    entry.reply = Reply::failed(ZkError::ConnectionLoss);
  } else {
    next_to_send_ = 0;
  }
}

void Pipeline::on_disconnected() {
  connected_ = false;
  for (Entry& entry : entries_) {
    if (entry.attempt != 0) lose(entry);
  }
}

void Pipeline::on_session_over() {
  connected_ = false;
  for (Entry& entry : entries_) {
    entry.attempt = 0;
    if (!entry.reply) entry.reply = Reply::failed(ZkError::SessionExpired);
  }
  in_flight_ = 0;
  writes_in_flight_ = 0;
  next_to_send_ = entries_.size();
}

void Pipeline::on_reply(Attempt attempt, Reply reply) {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.attempt == attempt; });
  if (attempt == 0 || found == entries_.end()) return;
  if (reply.error == ZkError::ConnectionLoss) {
    lose(*found);
    return;
  }
  found->attempt = 0;
  no_longer_in_flight(*found);
  found->reply = std::move(reply);
}

std::optional<Pipeline::Completed> Pipeline::take_completed() {
  if (entries_.empty() || !entries_.front().reply) return std::nullopt;
  Completed completed{std::move(entries_.front().done), *std::move(entries_.front().reply)};
  entries_.pop_front();
  if (next_to_send_ > 0) --next_to_send_;
  return completed;
}

}  // namespace ottla::zookeeper
