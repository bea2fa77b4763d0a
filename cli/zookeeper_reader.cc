#include "cli/zookeeper_reader.h"

#include <future>
#include <memory>
#include <utility>

#include "common/env/executor.h"
#include "common/zookeeper/c_client.h"
#include "common/zookeeper/store.h"

namespace ottla::cli {
namespace {

/// A session for one tool: started, asked, closed.
class Session {
 public:
  Session(std::string connect, std::unique_ptr<zookeeper::Client> client,
          std::chrono::milliseconds timeout)
      : connect_(std::move(connect)),
        client_(std::move(client)),
        store_(*client_, loop_),
        deadline_(std::chrono::steady_clock::now() + timeout) {
    client_->start();
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    client_->close();
    loop_.stop();  // the store may only go when its loop has ended
  }

  /// Waits for one answer of the store; `ask` gets the store and the callback.
  template <class T, class Ask>
  [[nodiscard]] Result<T> wait(const char* what, Ask ask) {
    auto promise = std::make_shared<std::promise<zookeeper::StoreResult<T>>>();
    auto answer = promise->get_future();
    ask(store_,
        [promise](zookeeper::StoreResult<T> result) { promise->set_value(std::move(result)); });
    if (answer.wait_until(deadline_) != std::future_status::ready) {
      return fail(ErrorCode::BrokerNotAvailable, "ZooKeeper at " + connect_ + " does not answer");
    }
    auto result = answer.get();
    if (!result) {
      const bool is_missing = result.error() == zookeeper::StoreError::NoNode;
      return fail(ErrorCode::BrokerNotAvailable,
                  "ZooKeeper at " + connect_ + ": cannot read " + what + ": " +
                      zookeeper::name_of(result.error()) +
                      (is_missing ? "; is there a cluster under this chroot?" : ""));
    }
    return *std::move(result);
  }

 private:
  std::string connect_;
  env::EventLoop loop_{"zookeeper"};
  std::unique_ptr<zookeeper::Client> client_;
  zookeeper::Store store_;
  std::chrono::steady_clock::time_point deadline_;
};

}  // namespace

Result<ClusterState> read_from_zookeeper(const std::string& connect,
                                         std::chrono::milliseconds timeout) {
  zookeeper::ClientSettings settings;
  settings.connect = connect;
  OTTLA_TRY(auto client, zookeeper::make_c_client(settings));
  Session session(connect, std::move(client), timeout);
  using zookeeper::Store;
  using zookeeper::Watch;
  OTTLA_TRY(const auto id,
            session.wait<std::string>("the cluster's id", [](Store& store, auto done) {
              store.read_cluster_id(std::move(done));
            }));
  OTTLA_TRY(const auto office, session.wait<zookeeper::ControllerOffice>(
                                   "the controller", [](Store& store, auto done) {
                                     store.read_office(Watch::No, std::move(done));
                                   }));
  OTTLA_TRY(const auto nodes, session.wait<zookeeper::ClusterNodes>(
                                  "topics and brokers", [](Store& store, auto done) {
                                    store.load_cluster(Watch::No, std::move(done));
                                  }));
  return state_from_zookeeper(id, office, nodes);
}

}  // namespace ottla::cli
