#include "broker/hand_over.h"

#include <glog/logging.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace ottla::broker {
namespace {

constexpr std::chrono::milliseconds kPause{50};
constexpr std::chrono::seconds kAnswerWithoutZooKeeper{3};

/// "": none.
std::string hindrance_in(const Result<rpc::ControlledShutdownReply>& reply) {
  if (!reply) return reply.error().describe();
  if (reply->error != ErrorCode::None) return std::string(name_of(reply->error));
  if (reply->remaining.empty()) return "";
  return std::to_string(reply->remaining.size()) + " partitions are still led here";
}

}  // namespace

HandOver::HandOver(Surroundings with, Limits limits, Callback<bool> done)
    : with_(std::move(with)), limits_(limits), done_(std::move(done)) {}

void HandOver::start() {
  deadline_ = with_.clock.now() + limits_.patience;
  ask();
}

void HandOver::ask() {
  const std::uint64_t question = ++question_;
  can_succeed_ = with_.is_zookeeper_connected();
  const auto answered = [weak = weak_from_this(), question](const std::string& hindrance) {
    if (const auto self = weak.lock()) self->on_answer(question, hindrance);
  };
  timer_ = with_.loop.post_after(
      can_succeed_ ? limits_.answer_within
                   : std::min<env::Duration>(limits_.answer_within, kAnswerWithoutZooKeeper),
      [answered] { answered("no answer from the controller"); });
  with_.replicas.leave();
  with_.channel.controlled_shutdown(
      [weak = weak_from_this(), answered](const Result<rpc::ControlledShutdownReply>& reply) {
        const auto self = weak.lock();
        if (!self) return;
        self->with_.loop.post([answered, hindrance = hindrance_in(reply)] { answered(hindrance); });
      });
}

void HandOver::on_answer(std::uint64_t question, const std::string& hindrance) {
  if (question != question_) return;
  ++question_;
  timer_.reset();
  if (hindrance.empty()) return end(true);
  if (hindrance != hindrance_) {
    hindrance_ = hindrance;
    LOG(WARNING) << "[broker " << with_.self << "] controlled shutdown: " << hindrance;
  }
  const bool is_last = with_.metadata.image()->brokers().size() <= 1;
  if (!can_succeed_ || is_last || with_.clock.now() >= deadline_) {
    LOG(WARNING) << "[broker " << with_.self
                 << "] stops without having handed over all its partitions";
    return end(false);
  }
  timer_ = with_.loop.post_after(kPause, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->ask();
  });
}

void HandOver::end(bool is_done) {
  std::move(std::exchange(done_, nullptr))(is_done);
}

}  // namespace ottla::broker
