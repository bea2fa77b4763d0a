// `ottla zookeeper-shell`: what zookeeper-shell does, as far as runbooks of Kafka need it.
#include <chrono>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <boost/json.hpp>

#include "cli/moment_text.h"
#include "cli/tool.h"
#include "common/zookeeper/c_client.h"

namespace ottla::cli {
namespace {

using zookeeper::Client;
using zookeeper::Watch;
using zookeeper::ZkResult;

constexpr Flag kFlags[] = {
    kJsonFlag,
    {.name = "timeout", .value = "ms", .doc = "how long ZooKeeper may take; 30000"},
    {.name = "zk-tls-config-file",
     .value = "file",
     .doc = "refused: connections are not encrypted yet"},
};

constexpr const char* kCommands =
    "\tls [-R] path\n\tget [-s] path\n\tstat path\n\tcreate path [data]\n\tset path data\n"
    "\tdelete path\n\tdeleteall path\n\tquit\n";

/// A session, and the commands on it. Paths are those of the server: a chroot that is given with
/// the address stands before them, and is never made.
class Shell {
 public:
  Shell(std::unique_ptr<Client> client, zookeeper::ConnectString address,
        std::chrono::milliseconds patience, bool as_json, std::ostream& out)
      : client_(std::move(client)),
        servers_(std::move(address.servers)),
        chroot_(std::move(address.chroot)),
        patience_(patience),
        as_json_(as_json),
        out_(out) {
    client_->start();
  }
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;
  ~Shell() { client_->close(); }

  Result<> run(const std::vector<std::string>& words) {
    const std::string& command = words.front();
    const bool has_option = words.size() > 1 && words[1].starts_with('-');
    const std::size_t at = has_option ? 2 : 1;
    if (command == "help") {
      as_json_ ? print_json({{"commands", kCommands}}) : void(out_ << kCommands);
      return {};
    }
    if (has_option && !(command == "ls" && words[1] == "-R") &&
        !(command == "get" && words[1] == "-s")) {
      return fail(ErrorCode::InvalidRequest,
                  command + " " + words[1] + ": no such option; there are\n" + kCommands);
    }
    if (words.size() <= at || !words[at].starts_with('/')) {
      return fail(ErrorCode::InvalidRequest, command + ": a path, which begins with /, is missing");
    }
    const std::string& path = words[at];
    const std::optional<std::string> data =
        words.size() > at + 1 ? std::optional(joined(words, at + 1)) : std::nullopt;
    if (command == "ls") return has_option ? list_all(path) : list(path);
    if (command == "get") return get(path, has_option);
    if (command == "stat") return stat(path);
    if (command == "create") return create(path, data);
    if (command == "set" && data) return set(path, *data);
    if (command == "delete") return remove(path);
    if (command == "deleteall" || command == "rmr") return remove_all(path);
    return fail(ErrorCode::InvalidRequest, command + ": is no command; there are\n" + kCommands);
  }

 private:
  static std::string joined(const std::vector<std::string>& words, std::size_t from) {
    std::string text;
    for (std::size_t i = from; i < words.size(); ++i) text += (i > from ? " " : "") + words[i];
    return text;
  }
  [[nodiscard]] std::string full(const std::string& path) const {
    if (chroot_.empty()) return path;
    return path == "/" ? chroot_ : chroot_ + path;
  }

  /// Waits for one answer; `ask` gets the callback.
  template <class T, class Ask>
  Result<T> wait(const std::string& path, Ask ask) {
    auto promise = std::make_shared<std::promise<ZkResult<T>>>();
    auto answer = promise->get_future();
    ask([promise](ZkResult<T> result) { promise->set_value(std::move(result)); });
    if (answer.wait_for(patience_) != std::future_status::ready) {
      return fail(ErrorCode::BrokerNotAvailable, "ZooKeeper at " + servers_ + " does not answer");
    }
    auto result = answer.get();
    if (result) return *std::move(result);
    const bool is_missing = result.error() == zookeeper::ZkError::NoNode;
    return fail(ErrorCode::UnknownServerError,
                is_missing ? "Node does not exist: " + path
                           : path + ": " + zookeeper::name_of(result.error()));
  }
  Result<std::vector<std::string>> children(const std::string& path) {
    return wait<std::vector<std::string>>(
        path, [&](auto done) { client_->children(full(path), Watch::No, std::move(done)); });
  }
  Result<zookeeper::Node> node(const std::string& path) {
    return wait<zookeeper::Node>(
        path, [&](auto done) { client_->get(full(path), Watch::No, std::move(done)); });
  }

  Result<> list(const std::string& path) {
    OTTLA_TRY(const auto names, children(path));
    if (as_json_) {
      print_json(boost::json::value_from(names));
      return {};
    }
    out_ << '[';
    for (std::size_t i = 0; i < names.size(); ++i) out_ << (i > 0 ? ", " : "") << names[i];
    out_ << "]\n";
    return {};
  }
  Result<> list_all(const std::string& path) {
    boost::json::array paths;
    OTTLA_TRY_VOID(walk(path, Order::ParentsFirst, [&](const std::string& each) -> Result<> {
      as_json_ ? void(paths.emplace_back(each)) : void(out_ << each << '\n');
      return {};
    }));
    if (as_json_) print_json(paths);
    return {};
  }
  Result<> get(const std::string& path, bool with_stat) {
    OTTLA_TRY(const zookeeper::Node found, node(path));
    if (as_json_) {
      print_json(as_json(found));
      return {};
    }
    out_ << (found.data.empty() ? "null" : found.data) << '\n';
    if (with_stat) print(found.stat, found.data.size());
    return {};
  }
  Result<> stat(const std::string& path) {
    OTTLA_TRY(const zookeeper::Node found, node(path));
    if (as_json_) {
      print_json(as_json(found));
      return {};
    }
    print(found.stat, found.data.size());
    return {};
  }
  void print_json(const boost::json::value& value) {
    out_ << boost::json::serialize(value) << '\n';
  }
  static boost::json::object as_json(const zookeeper::Node& node) {
    return {{"data", node.data},
            {"czxid", node.stat.czxid},
            {"mzxid", node.stat.mzxid},
            {"createdMs", node.stat.created_ms},
            {"modifiedMs", node.stat.modified_ms},
            {"version", node.stat.version},
            {"ephemeralOwner", node.stat.ephemeral_owner},
            {"children", node.stat.children}};
  }
  /// As zkCli prints it, but for the version of the ACL.
  void print(const zookeeper::Stat& stat, std::size_t length) {
    out_ << std::hex << "cZxid = 0x" << stat.czxid
         << "\nctime = " << java_date_text(stat.created_ms) << "\nmZxid = 0x" << stat.mzxid
         << "\nmtime = " << java_date_text(stat.modified_ms) << "\npZxid = 0x" << stat.pzxid
         << std::dec << "\ncversion = " << stat.children_version
         << "\ndataVersion = " << stat.version << "\nephemeralOwner = 0x" << std::hex
         << stat.ephemeral_owner << std::dec << "\ndataLength = " << length
         << "\nnumChildren = " << stat.children << '\n';
  }
  Result<> write(zookeeper::Op op) {
    const std::string path = std::visit([](const auto& each) { return each.path; }, op);
    OTTLA_TRY(const auto written, (wait<zookeeper::OpResult>(path, [&](auto done) {
                client_->write(std::move(op), std::move(done));
              })));
    (void)written;  // the path is what was asked for
    return {};
  }
  Result<> create(const std::string& path, const std::optional<std::string>& data) {
    OTTLA_TRY_VOID(write(zookeeper::Create{full(path), data}));
    as_json_ ? print_json({{"created", path}}) : void(out_ << "Created " << path << '\n');
    return {};
  }
  Result<> set(const std::string& path, const std::string& data) {
    OTTLA_TRY_VOID(write(zookeeper::Set{full(path), data}));
    if (as_json_) print_json({{"set", path}});
    return {};
  }
  Result<> remove(const std::string& path) {
    OTTLA_TRY_VOID(write(zookeeper::Delete{full(path)}));
    if (as_json_) print_json({{"deleted", boost::json::array{path}}});
    return {};
  }
  Result<> remove_all(const std::string& path) {
    boost::json::array deleted;
    auto done = walk(path, Order::ChildrenFirst, [&](const std::string& each) -> Result<> {
      if (each == "/") return {};
      OTTLA_TRY_VOID(write(zookeeper::Delete{full(each)}));
      deleted.emplace_back(each);
      return {};
    });
    if (as_json_) print_json({{"deleted", deleted}});
    return done;
  }

  enum class Order { ParentsFirst, ChildrenFirst };
  /// Visits a node and all below it.
  template <class Visit>
  Result<> walk(const std::string& path, Order order, const Visit& visit) {
    if (order == Order::ParentsFirst) OTTLA_TRY_VOID(visit(path));
    OTTLA_TRY(const auto names, children(path));
    for (const std::string& name : names) {
      OTTLA_TRY_VOID(walk(path == "/" ? path + name : path + '/' + name, order, visit));
    }
    if (order == Order::ChildrenFirst) OTTLA_TRY_VOID(visit(path));
    return {};
  }

  std::unique_ptr<Client> client_;
  const std::string servers_;
  const std::string chroot_;
  const std::chrono::milliseconds patience_;
  const bool as_json_;
  std::ostream& out_;
};

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  return {std::istream_iterator<std::string>(in), {}};
}

Result<> run_zookeeper_shell(const Arguments& arguments, Console& console) {
  if (arguments.has("zk-tls-config-file")) {
    return fail(ErrorCode::InvalidRequest,
                "--zk-tls-config-file: connections to ZooKeeper are not encrypted yet; give its "
                "port without TLS, and no such file");
  }
  if (arguments.words().empty()) {
    return fail(ErrorCode::InvalidRequest, "usage: ottla zookeeper-shell HOST:PORT [COMMAND]");
  }
  OTTLA_TRY(const auto timeout, arguments.number("timeout", 1));
  OTTLA_TRY(const auto address, zookeeper::parse_connect_string(arguments.words().front()));
  zookeeper::ClientSettings settings;
  settings.connect = address.servers;
  OTTLA_TRY(auto client, zookeeper::make_c_client(settings));
  Shell shell(std::move(client), address, std::chrono::milliseconds(timeout.value_or(30'000)),
              arguments.has("json"), console.out);
  const std::vector<std::string> command(arguments.words().begin() + 1, arguments.words().end());
  if (!command.empty()) return shell.run(command);
  std::string line;
  while (std::getline(console.in, line)) {
    const std::vector<std::string> words = words_of(line);
    if (words.empty()) continue;
    if (words.front() == "quit") break;
    if (const auto done = shell.run(words); !done) console.err << done.error().describe() << '\n';
    console.out.flush();
  }
  return {};
}

}  // namespace

const Tool kZooKeeperShellTool{.name = "zookeeper-shell",
                               .summary = "look at znodes, and change them",
                               .flags = kFlags,
                               .words = "HOST:PORT[/CHROOT] [ls|get|stat|create|set|delete ...]",
                               .run = run_zookeeper_shell};

}  // namespace ottla::cli
