// ottla-broker [--check] SERVER_PROPERTIES [--override name=value]...
#include <glog/logging.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "broker/broker.h"
#include "broker/log_lines.h"
#include "broker/network/network.h"
#include "broker/service_manager.h"
#include "broker/settings.h"
#include "common/config/broker_config.h"
#include "common/config/properties.h"

namespace {

constexpr int kUsageError = 2;
constexpr int kInterrupted = 1;

constexpr std::string_view kUsage =
    "usage: ottla-broker [--check] SERVER_PROPERTIES [--override NAME=VALUE]...\n"
    "\n"
    "Runs a broker in the foreground. SIGTERM and SIGINT: controlled shutdown. The log goes to\n"
    "standard error; GLOG_log_dir=DIR writes files instead, GLOG_v=1 says more.\n"
    "--check runs nothing: it prints a line for each setting that would have no effect, and ends\n"
    "with 1 and what is wrong on standard error if a broker would not start with these settings.\n";

struct CommandLine {
  std::string properties_file;
  std::vector<std::string> overrides;
  bool only_check = false;
};

/// Empty when the arguments are not understood or help was asked for.
std::optional<CommandLine> parse(int argc, char** argv) {
  CommandLine line;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    constexpr std::string_view kOverrideEquals = "--override=";
    if (argument == "--override") {
      if (++i == argc) return std::nullopt;
      line.overrides.emplace_back(argv[i]);
    } else if (argument.starts_with(kOverrideEquals)) {
      line.overrides.emplace_back(argument.substr(kOverrideEquals.size()));
    } else if (argument == "--check") {
      line.only_check = true;
    } else if (argument.starts_with('-') || !line.properties_file.empty()) {
      return std::nullopt;
    } else {
      line.properties_file = argument;
    }
  }
  if (line.properties_file.empty()) return std::nullopt;
  return line;
}

ottla::Result<ottla::config::BrokerConfig::Loaded> load_config(const CommandLine& line) {
  using namespace ottla;
  OTTLA_TRY(config::Properties properties, config::read_properties(line.properties_file));
  for (const std::string& assignment : line.overrides) {
    OTTLA_TRY_VOID(config::override_property(properties, assignment));
  }
  return config::BrokerConfig::load(properties);
}

/// What a start would find wrong before it looks at disks, network and ZooKeeper.
ottla::Result<> check(const ottla::config::BrokerConfig& config) {
  using namespace ottla;
  OTTLA_TRY(const auto listeners, broker::listener_options(*config.values()));
  for (const auto& listener : listeners) OTTLA_TRY_VOID(network::servable(listener));
  return {};
}

/// The exit status of `--check`.
int tell_check(const ottla::Result<ottla::config::BrokerConfig::Loaded>& loaded) {
  if (loaded) {
    for (const std::string& warning : loaded->warnings) std::cout << warning << '\n';
  }
  const ottla::Result<> outcome =
      loaded ? check(*loaded->config) : ottla::Result<>(tl::unexpected(loaded.error()));
  if (!outcome) std::cerr << outcome.error().message() << '\n';
  return outcome ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  FLAGS_logtostderr = std::getenv("GLOG_log_dir") == nullptr;
  ottla::broker::start_logging(argv[0]);
  google::InstallFailureSignalHandler();

  const auto line = parse(argc, argv);
  if (!line) {
    std::cerr << kUsage;
    return kUsageError;
  }

  auto loaded = load_config(*line);
  if (line->only_check) return tell_check(loaded);

  // Taken by the signal thread alone; a write to a closed connection is an error value.
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  signal(SIGPIPE, SIG_IGN);

  if (!loaded) {
    LOG(ERROR) << loaded.error().describe();
    return 1;
  }
  for (const std::string& warning : loaded->warnings) LOG(WARNING) << warning;

  // Until the start is over there is nobody to stop, and it may wait long (for ZooKeeper, for the
  // recovery of logs): what is on disk then is what a crash leaves, which the next start repairs.
  std::promise<int> signalled;
  std::atomic<bool> started = false;
  std::thread([&ending, &signalled, &started] {
    int number = 0;
    sigwait(&ending, &number);
    if (!started) {
      LOG(WARNING) << "[broker] ends on signal " << number << " before it has started";
      google::FlushLogFiles(google::INFO);
      std::_Exit(kInterrupted);
    }
    // A second signal ends the process at once.
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signalled.set_value(number);
  }).detach();

  ottla::broker::tell_service_manager("STATUS=recovering logs, registering");
  ottla::broker::Broker broker(*loaded->config);
  if (const auto outcome = broker.start(); !outcome) {
    LOG(ERROR) << "the broker does not start: " << outcome.error().describe();
    return 1;
  }
  started = true;
  ottla::broker::tell_service_manager("READY=1\nSTATUS=serving");
  const int number = signalled.get_future().get();
  ottla::broker::tell_service_manager("STOPPING=1\nSTATUS=handing over leadership");
  LOG(INFO) << "[broker] stopping on signal " << number;
  pthread_sigmask(SIG_UNBLOCK, &ending, nullptr);
  broker.stop();
  LOG(INFO) << "[broker] stopped";
  return 0;
}
