// `ottla zookeeper-shell`: what zookeeper-shell does, as far as runbooks of Kafka need it.
#include <algorithm>
#include <chrono>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json.hpp>

#include "cli/moment_text.h"
#include "cli/tool.h"
#include "common/zookeeper/c_client.h"
#include "common/zookeeper/layout.h"

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

/// The letters of its options, `v` with a version behind it.
struct Command {
  std::string_view name;
  std::string_view options;
  bool needs_data;
  std::string_view usage;
};
constexpr Command kCommands[] = {
    {"ls", "Rs", false, "ls [-s] [-R] path"},
    {"get", "s", false, "get [-s] path"},
    {"stat", "", false, "stat path"},
    {"create", "se", false, "create [-s | -e] path [data]"},
    {"set", "sv", true, "set [-s] [-v version] path data"},
    {"delete", "v", false, "delete [-v version] path"},
    {"deleteall", "", false, "deleteall path"},
    {"rmr", "", false, ""},  // the old name of deleteall
};

std::string usage() {
  std::string text;
  for (const Command& command : kCommands) {
    if (!command.usage.empty()) text += "\t" + std::string(command.usage) + "\n";
  }
  return text + "\tquit\n";
}

/// One line, taken apart.
struct Line {
  const Command* command = nullptr;
  std::set<char> options;
  std::int32_t version = zookeeper::kAnyVersion;
  std::string path;
  std::optional<std::string> data;
};

Result<Line> parse(const std::vector<std::string>& words) {
  Line line;
  const auto known = std::ranges::find(kCommands, words.front(), &Command::name);
  if (known == std::end(kCommands)) {
    return fail(ErrorCode::InvalidRequest,
                words.front() + ": is no command; there are\n" + usage());
  }
  line.command = known;
  std::size_t at = 1;
  for (; at < words.size() && words[at].starts_with('-'); ++at) {
    const std::string& option = words[at];
    if (option.size() != 2 || known->options.find(option[1]) == std::string_view::npos) {
      return fail(ErrorCode::InvalidRequest,
                  words.front() + " " + option + ": no such option; there are\n" + usage());
    }
    line.options.insert(option[1]);
    if (option[1] != 'v') continue;
    const auto version =
        ++at < words.size() ? zookeeper::layout::parse_number(words[at]) : std::nullopt;
    if (!version) {
      return fail(ErrorCode::InvalidRequest,
                  words.front() + " -v: a number is missing, the dataVersion that `stat` tells");
    }
    line.version = *version;
  }
  if (at >= words.size() || !words[at].starts_with('/')) {
    return fail(ErrorCode::InvalidRequest,
                words.front() + ": a path, which begins with /, is missing");
  }
  line.path = words[at];
  for (std::size_t i = at + 1; i < words.size(); ++i) {
    line.data = line.data ? *line.data + " " + words[i] : words[i];
  }
  if (known->needs_data && !line.data) {
    return fail(ErrorCode::InvalidRequest, words.front() + ": the data is missing");
  }
  return line;
}

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
    if (words.front() == "help") {
      as_json_ ? print_json({{"commands", usage()}}) : void(out_ << usage());
      return {};
    }
    OTTLA_TRY(const Line line, parse(words));
    const std::string_view command = line.command->name;
    if (command == "ls") return line.options.contains('R') ? list_all(line) : list(line);
    if (command == "get") return get(line);
    if (command == "stat") return stat(line.path);
    if (command == "create") return create(line);
    if (command == "set") return set(line);
    if (command == "delete") return remove(line);
    return remove_all(line.path);
  }

 private:
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
    return fail(ErrorCode::UnknownServerError, text_of(result.error(), path));
  }
  /// As zkCli says it.
  static std::string text_of(zookeeper::ZkError error, const std::string& path) {
    switch (error) {
      case zookeeper::ZkError::NoNode:
        return "Node does not exist: " + path;
      case zookeeper::ZkError::NodeExists:
        return "Node already exists: " + path;
      case zookeeper::ZkError::NotEmpty:
        return "Node not empty: " + path;
      case zookeeper::ZkError::BadVersion:
        return "version No is not valid : " + path;
      case zookeeper::ZkError::NoChildrenForEphemerals:
        return "Ephemerals cannot have children: " + path;
      default:
        return path + ": " + zookeeper::name_of(error);
    }
  }
  Result<std::vector<std::string>> children(const std::string& path) {
    return wait<std::vector<std::string>>(
        path, [&](auto done) { client_->children(full(path), Watch::No, std::move(done)); });
  }
  Result<zookeeper::Node> node(const std::string& path) {
    return wait<zookeeper::Node>(
        path, [&](auto done) { client_->get(full(path), Watch::No, std::move(done)); });
  }

  Result<> list(const Line& line) {
    OTTLA_TRY(const auto names, children(line.path));
    std::optional<zookeeper::Node> found;
    if (line.options.contains('s')) {
      OTTLA_TRY(found, node(line.path));
    }
    if (as_json_) {
      const auto listed = boost::json::value_from(names);
      print_json(found ? boost::json::value{{"children", listed}, {"stat", as_json(*found)}}
                       : listed);
      return {};
    }
    out_ << '[';
    for (std::size_t i = 0; i < names.size(); ++i) out_ << (i > 0 ? ", " : "") << names[i];
    out_ << "]\n";
    if (found) print(found->stat, found->data.size());
    return {};
  }
  Result<> list_all(const Line& line) {
    boost::json::array paths;
    OTTLA_TRY_VOID(walk(line.path, Order::ParentsFirst, [&](const std::string& each) -> Result<> {
      as_json_ ? void(paths.emplace_back(each)) : void(out_ << each << '\n');
      return {};
    }));
    if (as_json_) print_json(paths);
    return {};
  }
  Result<> get(const Line& line) {
    OTTLA_TRY(const zookeeper::Node found, node(line.path));
    if (as_json_) {
      print_json(as_json(found));
      return {};
    }
    out_ << (found.data.empty() ? "null" : found.data) << '\n';
    if (line.options.contains('s')) print(found.stat, found.data.size());
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
  Result<zookeeper::OpResult> write(zookeeper::Op op) {
    const std::string path = std::visit([](const auto& each) { return each.path; }, op);
    return wait<zookeeper::OpResult>(
        path, [&](auto done) { client_->write(std::move(op), std::move(done)); });
  }
  /// Of the server's names, as they are below the chroot.
  [[nodiscard]] std::string without_chroot(const std::string& path) const {
    return path.starts_with(chroot_) ? path.substr(chroot_.size()) : path;
  }
  Result<> create(const Line& line) {
    if (line.options.size() > 1) {
      return fail(ErrorCode::InvalidRequest,
                  "create -s -e: a node is sequential or ephemeral here, not both");
    }
    const auto mode = line.options.contains('s')   ? zookeeper::CreateMode::PersistentSequential
                      : line.options.contains('e') ? zookeeper::CreateMode::Ephemeral
                                                   : zookeeper::CreateMode::Persistent;
    OTTLA_TRY(const auto written, write(zookeeper::Create{full(line.path), line.data, mode}));
    const std::string created = without_chroot(written.path);
    as_json_ ? print_json({{"created", created}}) : void(out_ << "Created " << created << '\n');
    return {};
  }
  Result<> set(const Line& line) {
    OTTLA_TRY(const auto written, write(zookeeper::Set{full(line.path), *line.data, line.version}));
    if (as_json_) {
      print_json({{"set", line.path}, {"version", written.stat.version}});
    } else if (line.options.contains('s')) {
      print(written.stat, line.data->size());
    }
    return {};
  }
  Result<> remove(const Line& line) {
    OTTLA_TRY_VOID(write(zookeeper::Delete{full(line.path), line.version}));
    if (as_json_) print_json({{"deleted", boost::json::array{line.path}}});
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
