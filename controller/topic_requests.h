#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/base/task.h"
#include "common/env/executor.h"
#include "common/zookeeper/store.h"
#include "controller/lifeline.h"
#include "controller/service.h"
#include "controller/term.h"
#include "controller/topic_admin.h"

namespace ottla::controller {

/// CreateTopics, CreatePartitions and DeleteTopics of one term: checks, writes the topics' znodes,
/// and waits until the model says that it is done and the brokers know.
/// Thread: controller.
class TopicRequests {
 public:
  TopicRequests(Term& term, const Term::World& world);
  /// Whoever waits gets NotController.
  ~TopicRequests();

  void create(CreateTopicsRequest request, Callback<std::vector<CreatedTopic>> done);
  void remove(DeleteTopicsRequest request, Callback<std::vector<DeletedTopic>> done);
  void add_partitions(CreatePartitionsRequest request, Callback<std::vector<AddedPartitions>> done);

  /// Looks whether something that is waited for has come true.
  void model_changed();

 private:
  /// One request for several topics: ends when no topic is outstanding, or at its deadline.
  struct Request {
    enum class Kind : std::uint8_t { Create, Delete };
    Kind kind = Kind::Create;
    std::size_t writing = 0;
    struct Waiting {
      std::size_t index;
      std::string name;
      TopicId id;
      std::size_t partitions = 0;
      std::uint64_t announced = 0;  ///< Set once its leaders are elected.
    };
    std::vector<Waiting> waiting;
    env::TimerHandle deadline;
    /// Sets the error of the topic at this index.
    std::function<void(std::size_t, ErrorCode, std::string)> set_error;
    Task finish;

    /// A topic's write begins. If the term ends before the write does, nobody knows its outcome.
    void begin_write(std::size_t index) {
      ++writing;
      set_error(index, ErrorCode::NotController, "");
    }
    /// It was written; now the model has to say so.
    void wait_for(Waiting topic) {
      set_error(topic.index, ErrorCode::None, "");
      waiting.push_back(std::move(topic));
    }
  };
  using RequestPtr = std::shared_ptr<Request>;

  RequestPtr begin(Request::Kind kind, std::size_t writing);
  void written(const RequestPtr& request, env::Duration timeout);
  void expired(RequestPtr request);
  void end(RequestPtr request);
  [[nodiscard]] bool is_done(const Request& request, Request::Waiting& topic) const;
  [[nodiscard]] bool is_as_good_as_done(const Request& request,
                                        const Request::Waiting& topic) const;
  [[nodiscard]] bool is_led(const Request::Waiting& topic) const;

  void write_topic(RequestPtr request, std::size_t index, cluster::Topic topic,
                   zookeeper::ConfigMap config, env::Duration timeout);
  void check_created(RequestPtr request, std::size_t index, cluster::Topic topic,
                     zookeeper::ConfigMap config, env::Duration timeout);
  void write_partitions(RequestPtr request, std::size_t index, cluster::Topic topic,
                        std::int32_t version, env::Duration timeout);
  void write_deletion(RequestPtr request, std::size_t index, std::string name, TopicId id,
                      env::Duration timeout);
  [[nodiscard]] TopicSurroundings surroundings() const;

  Term& term_;
  Term::World world_;
  std::set<std::string> being_created_;
  std::vector<RequestPtr> requests_;
  Lifeline life_;
};

}  // namespace ottla::controller
