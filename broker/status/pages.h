#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/status/cluster_gauges.h"
#include "broker/status/elections.h"
#include "broker/status/lifecycle.h"
#include "broker/status/snapshot.h"
#include "broker/status/sources.h"
#include "broker/status/stall_watchdog.h"
#include "broker/storage/log_store.h"
#include "common/env/clock.h"
#include "common/http/server.h"
#include "common/metrics/registry.h"

namespace ottla::status {

/// What the HTTP listener answers: /metrics, /health/live, /health/ready, the status page and its
/// JSON. It answers from the broker's start on, with the parts that there are.
///
/// A long document is made once for all who ask for it while it is made, and kept for a few times
/// what it cost: however many ask, they cost a small part of one thread.
///
/// Thread: the server's, except the constructor, `attach_logs` and `attach`.
class Pages final : public http::Handler {
 public:
  /// Runs a task on the server's thread, at once or after a while.
  struct OwnThread {
    std::function<void(Task)> post;
    std::function<void(std::chrono::milliseconds, Task)> post_after;
  };

  Pages(metrics::Registry& registry, const env::Clock& clock, const Lifecycle& lifecycle);
  ~Pages() override;

  /// Before the server starts.
  void run_on(OwnThread thread) { thread_ = std::move(thread); }
  /// As soon as there are logs to be recovered: while that goes on, it is what there is to show.
  /// They live until the server has stopped. Thread: any.
  void attach_logs(const storage::LogStore& logs) { logs_ = &logs; }
  /// Once the broker's parts are there. They live until the server has stopped.
  void attach(std::shared_ptr<const Sources> sources, const Elections& elections,
              const StallWatchdog& watchdog);

  void handle(http::Request request, Callback<http::Response> done) override;

 private:
  struct Parts;
  /// A document that is made for many.
  struct Kept {
    std::shared_ptr<const std::string> body;
    std::string content_type;
    env::MonotonicTime made{};
    env::Duration cost{};
    bool is_being_made = false;
    std::vector<Callback<http::Response>> waiting{};
  };

  void show_identity();
  void answer(const http::Request& request, Callback<http::Response> done);
  void give(const std::string& name, Callback<http::Response> done);
  void make(const std::string& name);
  [[nodiscard]] std::string document(const std::string& name) const;
  [[nodiscard]] http::Response live() const;
  [[nodiscard]] http::Response ready() const;
  [[nodiscard]] std::shared_ptr<const Parts> parts() const;
  [[nodiscard]] std::vector<storage::LoadProgress> loading() const;

  metrics::Registry& registry_;
  const env::Clock& clock_;
  const Lifecycle& lifecycle_;
  OwnThread thread_;
  const std::shared_ptr<Snapshots> snapshots_ = std::make_shared<Snapshots>();
  const ControllerGauges controller_gauges_{snapshots_, registry_};
  std::atomic<const storage::LogStore*> logs_ = nullptr;
  std::atomic<std::shared_ptr<const Parts>> parts_;
  std::map<std::string, Kept> kept_;
  std::map<unsigned, std::shared_ptr<metrics::Counter>> answers_;  ///< By status.
  std::vector<metrics::Registry::Registration> gauges_;            ///< Ends first.
};

/// The status page: one file of HTML, style and script (page.html).
[[nodiscard]] std::string_view page_html();

}  // namespace ottla::status
