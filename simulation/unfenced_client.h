#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/zookeeper/client.h"

namespace ottla::simulation {

/// A client whose transactions do not check anything: Bug::WritesUnfenced.
class UnfencedClient final : public zookeeper::Client {
 public:
  explicit UnfencedClient(std::unique_ptr<zookeeper::Client> client) : client_(std::move(client)) {}

  void add_listener(zookeeper::ClientListener& listener) override {
    client_->add_listener(listener);
  }
  void start() override { client_->start(); }
  void close() override { client_->close(); }
  void get(std::string path, zookeeper::Watch watch,
           Callback<zookeeper::ZkResult<zookeeper::Node>> done) override {
    client_->get(std::move(path), watch, std::move(done));
  }
  void exists(std::string path, zookeeper::Watch watch,
              Callback<zookeeper::ZkResult<zookeeper::Stat>> done) override {
    client_->exists(std::move(path), watch, std::move(done));
  }
  void children(std::string path, zookeeper::Watch watch,
                Callback<zookeeper::ZkResult<std::vector<std::string>>> done) override {
    client_->children(std::move(path), watch, std::move(done));
  }
  void multi(std::vector<zookeeper::Op> ops, Callback<zookeeper::MultiResult> done) override {
    for (zookeeper::Op& op : ops) {
      if (auto* check = std::get_if<zookeeper::Check>(&op)) check->version = zookeeper::kAnyVersion;
    }
    client_->multi(std::move(ops), std::move(done));
  }
  void write(zookeeper::Op op, Callback<zookeeper::ZkResult<zookeeper::OpResult>> done) override {
    client_->write(std::move(op), std::move(done));
  }
  [[nodiscard]] std::int64_t session_id() const override { return client_->session_id(); }

 private:
  std::unique_ptr<zookeeper::Client> client_;
};

}  // namespace ottla::simulation
