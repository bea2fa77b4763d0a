#include "broker/transaction/transaction_coordinator.h"

#include <glog/logging.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

#include "broker/replica/coordinator_load.h"
#include "broker/replica/replicas.h"
#include "broker/storage/log_walk.h"
#include "broker/transaction/added_partitions.h"
#include "broker/transaction/marker_receiver.h"
#include "broker/transaction/marker_sender.h"
#include "broker/transaction/question_sender.h"
#include "broker/transaction/transaction_loader.h"
#include "common/cluster/coordinator_partition.h"
#include "common/env/deadline_timer.h"
#include "common/metrics/rate.h"
#include "common/metrics/recent.h"
#include "common/metrics/transaction_metrics.h"

namespace ottla::transaction {
namespace {

using std::chrono::milliseconds;

/// Between two looks at the sizes for the gauges.
constexpr milliseconds kLookAround{1'000};

TopicPartition state_partition(std::int32_t partition) {
  return {kTransactionsTopic, partition};
}

}  // namespace

class TransactionCoordinator::Inner final : public TransactionLog,
                                            public MarkerChannel,
                                            public MarkerWriter,
                                            public ProducerIdSource,
                                            public std::enable_shared_from_this<Inner> {
 public:
  Inner(TransactionConfig config, Dependencies with)
      : config_(config),
        with_(std::move(with)),
        own_registry_(with_.metrics == nullptr ? std::make_unique<metrics::Registry>() : nullptr),
        registry_(own_registry_ ? *own_registry_ : *with_.metrics),
        load_ms_(registry_.histogram(metrics::kTransactionLoadMs)),
        recent_load_ms_(
            registry_, metrics::kTransactionLoadAverageMs, metrics::kTransactionLoadLongestMs,
            [&clock = with_.clock] {
              return std::chrono::duration<double>(clock.now().time_since_epoch()).count();
            }),
        questions_({.self = with_.self,
                    .clock = with_.clock,
                    .metadata = with_.metadata,
                    .peers = with_.peers,
                    .metrics = registry_}),
        receiver_(*this, with_.nonce, with_.metadata),
        sender_({.self = with_.self,
                 .nonce = with_.nonce,
                 .metadata = with_.metadata,
                 .peers = with_.peers,
                 .here = receiver_,
                 .loop = with_.loop,
                 .timeout = 2 * config.append_timeout}),
        core_(config_, with_.clock, *this, *this, *this),
        timer_(with_.clock, with_.loop) {}

  void start(replica::Replicas& replicas) {
    replicas_ = &replicas;
    register_gauges();
    with_.loop.post([self = shared_from_this()] {
      self->look_around();
      self->abort_later();
      self->expire_later();
    });
  }

  void stop() {
    stopped_ = true;
    gauges_.clear();
    with_.loop.post([self = shared_from_this()] {
      self->sender_.stop();
      self->timer_.cancel();
      self->look_timer_.reset();
      self->abort_timer_.reset();
      self->expiry_timer_.reset();
      self->loads_.clear();
    });
  }

  /// Runs `work` with the core on the loop.
  template <class F>
  void run(F work) {
    with_.loop.post([self = shared_from_this(), work = std::move(work)]() mutable {
      if (self->stopped_) return;
      self->core_.set_partition_count(self->partition_count());
      work(self->core_);
      self->arm_timer();
    });
  }
  /// For what is told from memory: `done` hears None if nobody has taken over by now (a zombie's
  /// "it is added" would let records of the next transaction end with the last one).
  void confirm(const std::string& transactional_id, Callback<ErrorCode> done) {
    const std::int32_t partition =
        cluster::coordinator_partition(transactional_id, partition_count());
    replicas_->confirm_leadership(
        state_partition(partition), /*must_be_certain=*/true, config_.append_timeout, with_.loop,
        [self = shared_from_this(), done = std::move(done)](ErrorCode outcome) mutable {
          if (self->stopped_) return;
          std::move(done)(outcome == ErrorCode::None ? outcome : ErrorCode::NotCoordinator);
        });
  }
  [[nodiscard]] Callback<Answer> confirmed(std::string transactional_id, Callback<Answer> done) {
    return [self = shared_from_this(), id = std::move(transactional_id),
            done = std::move(done)](const Answer& answer) mutable {
      if (!answer.is_remembered) return std::move(done)(answer);
      self->confirm(id, [answer, done = std::move(done)](ErrorCode outcome) mutable {
        std::move(done)(outcome == ErrorCode::None ? answer : Answer{.error = outcome});
      });
    };
  }

  template <class F>
  void receive(F work) {
    with_.loop.post([self = shared_from_this(), work = std::move(work)]() mutable {
      if (!self->stopped_) work(self->receiver_);
    });
  }

  void elected(std::int32_t partition, LeaderEpoch epoch) {
    if (stopped_ || !core_.begin_loading(partition, epoch)) return;
    LOG(INFO) << "[" << state_partition(partition) << "] its transactions are loaded, leader epoch "
              << epoch;
    load(partition, epoch);
  }

  void resigned(std::int32_t partition, LeaderEpoch epoch) {
    LOG(INFO) << "[" << state_partition(partition)
              << "] its transactions are unloaded, leader epoch " << epoch;
    loads_.erase(partition);
    core_.resign(partition);
  }

  [[nodiscard]] std::shared_ptr<const metadata::MetadataImage> image() const {
    return with_.metadata.image();
  }

  /// `here`: the coordinator that this is.
  void verify(Question question, TransactionService& here, Callback<std::vector<ErrorCode>> done) {
    questions_.ask(std::move(question), partition_count(), here, std::move(done));
  }

 private:
  // TransactionLog, on the loop.
  void append(std::int32_t partition, LeaderEpoch epoch, std::vector<LogRecord> records,
              Callback<ErrorCode> done) override {
    auto batch = build_batch(records, with_.clock.wall_now_ms());
    if (!batch) return std::move(done)(ErrorCode::InvalidRecord);
    replica::AppendRequest request;
    request.partitions.push_back({state_partition(partition), (*batch)->bytes(), epoch});
    request.owner = *batch;
    request.acks = replica::Acks::All;
    request.timeout = config_.append_timeout;
    request.origin = record::AppendOrigin::Coordinator;
    request.internal_topics_allowed = true;
    replicas_->append(std::move(request), with_.loop,
                      [self = shared_from_this(),
                       done = std::move(done)](const replica::AppendResult& result) mutable {
                        if (self->stopped_) return;
                        std::move(done)(result[0].error);
                        self->arm_timer();
                      });
  }

  // MarkerChannel, on the loop.
  void write(replica::TransactionMarker marker,
             Callback<std::vector<MarkerOutcome>> done) override {
    sender_.write(std::move(marker), [self = shared_from_this(), done = std::move(done)](
                                         std::vector<MarkerOutcome> outcomes) mutable {
      std::move(done)(std::move(outcomes));
      self->arm_timer();  // some may be tried again
    });
  }

  // MarkerWriter, on the loop.
  void append(replica::TransactionMarker marker, Callback<std::vector<ErrorCode>> done) override {
    replicas_->append_markers(std::move(marker), config_.append_timeout, with_.loop,
                              std::move(done));
  }

  // ProducerIdSource, on the loop.
  void next(Callback<Result<ProducerId>> done) override {
    with_.ids.next(
        [self = shared_from_this(), done = std::move(done)](Result<ProducerId> id) mutable {
          self->with_.loop.post([self, id = std::move(id), done = std::move(done)]() mutable {
            if (self->stopped_) return;
            std::move(done)(std::move(id));
            self->arm_timer();
          });
        });
  }

  /// The load is ours: it holds no reference to us.
  void load(std::int32_t partition, LeaderEpoch epoch) {
    const auto loader = std::make_shared<TransactionLoader>();
    loads_[partition] = std::make_unique<replica::CoordinatorLoad>(
        state_partition(partition), epoch,
        replica::CoordinatorLoad::Dependencies{
            .replicas = *replicas_, .clock = with_.clock, .loop = with_.loop},
        [weak = weak_from_this(), loader](std::shared_ptr<storage::Log> log,
                                          storage::LogWalk::Torn torn,
                                          Callback<Result<storage::Walked>> done) {
          const auto self = weak.lock();
          if (!self) return;
          *loader = TransactionLoader();
          storage::walk_in_turns(
              std::make_shared<storage::LogWalk>(std::move(log), self->config_.load_buffer_bytes,
                                                 torn),
              [loader](const record::RecordBatchView& batch) { loader->add(batch); },
              self->with_.io_pool, env::Duration(0), std::move(done));
        },
        [weak = weak_from_this(), partition, epoch,
         loader](const replica::CoordinatorLoad::Loaded& loaded) {
          const auto self = weak.lock();
          if (self) self->serve(partition, epoch, *loader, loaded.took);
        });
  }

  void serve(std::int32_t partition, LeaderEpoch epoch, TransactionLoader& loader,
             milliseconds took) {
    loads_.erase(partition);
    LoadedTransactions loaded = loader.finish();
    load_ms_->record(took.count());
    recent_load_ms_.record(static_cast<double>(took.count()));
    LOG(INFO) << "[" << state_partition(partition) << "] " << loaded.size()
              << " transactional ids from " << loader.records() << " records in " << took.count()
              << " ms, leader epoch " << epoch;
    if (loader.unreadable() > 0) {
      LOG(ERROR) << "[" << state_partition(partition) << "] " << loader.unreadable()
                 << " records could not be read and were left out";
    }
    core_.finish_loading(partition, epoch, std::move(loaded));
    arm_timer();
  }

  [[nodiscard]] std::int32_t partition_count() const {
    return with_.metadata.image()->partition_count(kTransactionsTopic, config_.topic_partitions);
  }

  void arm_timer() {
    if (stopped_) return;
    timer_.arm(core_.next_deadline(), [self = shared_from_this()] {
      self->core_.run_due();
      self->arm_timer();
    });
  }

  void look_around() {
    if (stopped_) return;
    const CoordinatorCore::Sizes sizes = core_.sizes();
    std::size_t open = 0;
    std::size_t all = 0;
    for (const auto& [state, count] : sizes.transactions) {
      open += is_at_rest(state) ? 0 : count;
      all += count;
    }
    open_ = open;
    ids_ = all;
    timeouts_ = static_cast<std::size_t>(sizes.timeouts);
    oldest_ms_ = static_cast<std::size_t>(sizes.oldest_open_ms);
    loading_ = sizes.partitions_loading;
    markers_retried_ = sizes.markers_retried;
    appends_retried_ = sizes.appends_retried;
    look_timer_ =
        with_.loop.post_after(kLookAround, [self = shared_from_this()] { self->look_around(); });
  }

  void abort_later() {
    if (stopped_) return;
    abort_timer_ =
        with_.loop.post_after(config_.timeout_check_interval, [self = shared_from_this()] {
          self->core_.abort_timed_out();
          self->arm_timer();
          self->abort_later();
        });
  }

  void expire_later() {
    if (stopped_) return;
    expiry_timer_ =
        with_.loop.post_after(config_.expiration_check_interval, [self = shared_from_this()] {
          self->core_.expire_ids();
          self->arm_timer();
          self->expire_later();
        });
  }

  void register_gauges() {
    const auto gauge = [&](const metrics::Metric& metric, const std::atomic<std::size_t>& value) {
      gauges_.push_back(
          registry_.gauge(metric, [&value] { return static_cast<double>(value.load()); }));
    };
    gauge(metrics::kOpenTransactions, open_);
    gauge(metrics::kOldestOpenTransactionMs, oldest_ms_);
    gauge(metrics::kActiveTransactionLongestMs, oldest_ms_);
    gauge(metrics::kTransactionalIds, ids_);
    gauge(metrics::kTransactionTimeouts, timeouts_);
    gauges_.push_back(registry_.gauge(metrics::kTransactionTimeoutRate,
                                      [this, rate = std::make_shared<metrics::Rate>()] {
                                        const auto now = with_.clock.now().time_since_epoch();
                                        return rate->of(static_cast<double>(timeouts_.load()),
                                                        std::chrono::duration<double>(now).count());
                                      }));
    gauge(metrics::kTransactionPartitionsLoading, loading_);
    gauge(metrics::kUnknownDestinationQueueSize, markers_retried_);
    gauge(metrics::kLogAppendRetryQueueSize, appends_retried_);
  }

  const TransactionConfig config_;
  const Dependencies with_;
  replica::Replicas* replicas_ = nullptr;
  const std::unique_ptr<metrics::Registry> own_registry_;
  metrics::Registry& registry_;
  const std::shared_ptr<metrics::Histogram> load_ms_;
  metrics::Recent recent_load_ms_;
  QuestionSender questions_;
  std::atomic<bool> stopped_ = false;

  // On the loop.
  MarkerReceiver receiver_;
  MarkerSender sender_;
  CoordinatorCore core_;
  env::DeadlineTimer timer_;
  env::TimerHandle look_timer_;
  env::TimerHandle abort_timer_;
  env::TimerHandle expiry_timer_;
  std::map<std::int32_t, std::unique_ptr<replica::CoordinatorLoad>> loads_;

  // What the gauges show: the model as it was at the last look.
  std::atomic<std::size_t> open_ = 0;
  std::atomic<std::size_t> ids_ = 0;
  std::atomic<std::size_t> timeouts_ = 0;
  std::atomic<std::size_t> oldest_ms_ = 0;
  std::atomic<std::size_t> loading_ = 0;
  std::atomic<std::size_t> markers_retried_ = 0;
  std::atomic<std::size_t> appends_retried_ = 0;
  std::vector<metrics::Registry::Registration> gauges_;
};

TransactionCoordinator::TransactionCoordinator(TransactionConfig config, Dependencies dependencies)
    : inner_(std::make_shared<Inner>(config, std::move(dependencies))) {}

TransactionCoordinator::~TransactionCoordinator() = default;

void TransactionCoordinator::start(replica::Replicas& replicas) {
  inner_->start(replicas);
}

void TransactionCoordinator::stop() {
  inner_->stop();
}

void TransactionCoordinator::on_leader(const TopicPartition& partition, LeaderEpoch epoch) {
  if (partition.topic != kTransactionsTopic) return;
  inner_->run([inner = inner_.get(), number = partition.partition, epoch](CoordinatorCore&) {
    inner->elected(number, epoch);
  });
}

void TransactionCoordinator::on_not_leader(const TopicPartition& partition, LeaderEpoch epoch) {
  if (partition.topic != kTransactionsTopic) return;
  inner_->run([inner = inner_.get(), number = partition.partition, epoch](CoordinatorCore&) {
    inner->resigned(number, epoch);
  });
}

void TransactionCoordinator::verify(Question question, Callback<std::vector<ErrorCode>> done) {
  inner_->verify(std::move(question), *this, std::move(done));
}

void TransactionCoordinator::write_markers(rpc::NumberedMarkers markers,
                                           Callback<protocol::WriteTxnMarkersResponse> reply) {
  inner_->receive(
      [markers = std::move(markers), reply = std::move(reply)](MarkerReceiver& receiver) mutable {
        receiver.write(std::move(markers), std::move(reply));
      });
}

void TransactionCoordinator::add_partitions(protocol::AddPartitionsToTxnRequest request,
                                            Callback<protocol::AddPartitionsToTxnResponse> reply) {
  add_for_leader(*this, *inner_->image(), std::move(request), std::move(reply));
}

void TransactionCoordinator::init_producer(InitProducerRequest request,
                                           Callback<InitializedProducer> done) {
  inner_->run(
      [request = std::move(request), done = std::move(done)](CoordinatorCore& core) mutable {
        core.init_producer(std::move(request), std::move(done));
      });
}

void TransactionCoordinator::add_partitions(AddPartitionsRequest request, Callback<Answer> done) {
  Callback<Answer> told = inner_->confirmed(request.transactional_id, std::move(done));
  inner_->run(
      [request = std::move(request), told = std::move(told)](CoordinatorCore& core) mutable {
        core.add_partitions(std::move(request), std::move(told));
      });
}

void TransactionCoordinator::end(EndRequest request, Callback<Answer> done) {
  Callback<Answer> told = inner_->confirmed(request.transactional_id, std::move(done));
  inner_->run(
      [request = std::move(request), told = std::move(told)](CoordinatorCore& core) mutable {
        core.end(std::move(request), std::move(told));
      });
}

void TransactionCoordinator::verify_partitions(std::string transactional_id, Producer producer,
                                               std::vector<TopicPartition> partitions,
                                               Callback<std::vector<ErrorCode>> done) {
  inner_->run([inner = inner_.get(), id = std::move(transactional_id), producer,
               partitions = std::move(partitions),
               done = std::move(done)](CoordinatorCore& core) mutable {
    std::vector<ErrorCode> codes = core.verify(id, producer, partitions);
    if (std::ranges::find(codes, ErrorCode::None) == codes.end()) {
      return std::move(done)(std::move(codes));
    }
    inner->confirm(id,
                   [codes = std::move(codes), done = std::move(done)](ErrorCode outcome) mutable {
                     for (ErrorCode& code : codes) {
                       if (code == ErrorCode::None) code = outcome;
                     }
                     std::move(done)(std::move(codes));
                   });
  });
}

void TransactionCoordinator::describe(std::vector<std::string> transactional_ids,
                                      Callback<std::vector<TransactionDescription>> done) {
  inner_->run(
      [ids = std::move(transactional_ids), done = std::move(done)](CoordinatorCore& core) mutable {
        std::vector<TransactionDescription> described;
        described.reserve(ids.size());
        for (const std::string& id : ids) described.push_back(core.describe(id));
        std::move(done)(std::move(described));
      });
}

void TransactionCoordinator::list(ListFilter filter, Callback<TransactionList> done) {
  inner_->run([filter = std::move(filter), done = std::move(done)](CoordinatorCore& core) mutable {
    std::move(done)(core.list(filter));
  });
}

}  // namespace ottla::transaction
