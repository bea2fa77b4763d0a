#include "cli/drill_fault.h"

#include <sys/wait.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace ottla::cli {
namespace {

std::string for_broker(std::string text, BrokerId broker) {
  constexpr std::string_view kPlace = "{broker}";
  for (std::size_t at = text.find(kPlace); at != std::string::npos; at = text.find(kPlace, at)) {
    text.replace(at, kPlace.size(), std::to_string(broker.value()));
  }
  return text;
}

std::string broker_text(BrokerId broker) {
  return "broker " + std::to_string(broker.value());
}

struct SignalOf {
  int number;
  const char* name;
};
std::optional<SignalOf> signal_of(Harm harm) {
  switch (harm) {
    case Harm::Kill:
      return SignalOf{SIGKILL, "-9"};
    case Harm::Stop:
      return SignalOf{SIGTERM, "-TERM"};
    case Harm::Pause:
    case Harm::CutFromZookeeper:
      return SignalOf{SIGSTOP, "-STOP"};
    case Harm::CutOff:
      return std::nullopt;
  }
  return std::nullopt;
}

std::string by_hand(Harm harm, BrokerId broker) {
  const std::string who = broker_text(broker);
  switch (harm) {
    case Harm::Kill:
      return "kill the process of " + who + " (kill -9), or switch its host off";
    case Harm::Stop:
      return "stop " + who + " (systemctl stop ottla-broker on its host)";
    case Harm::Pause:
      return "pause " + who + " (kill -STOP)";
    case Harm::CutOff:
      return "cut " + who +
             " off: drop all packets to and from the ports of its listeners, its "
             "ottla.grpc.listener and ZooKeeper";
    case Harm::CutFromZookeeper:
      return "cut " + who + " off from ZooKeeper (drop packets to port 2181), or pause it";
  }
  return "";
}

std::string undo_by_hand(Harm harm, BrokerId broker) {
  switch (harm) {
    case Harm::Kill:
    case Harm::Stop:
      return "start " + broker_text(broker) + " again";
    case Harm::Pause:
      return "let " + broker_text(broker) + " go on (kill -CONT)";
    case Harm::CutOff:
    case Harm::CutFromZookeeper:
      return "undo what cuts " + broker_text(broker) + " off";
  }
  return "";
}

Result<int> number_in(const std::string& text, const std::string& where) {
  int pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (error != std::errc() || end == text.data() || pid <= 1) {
    return fail(ErrorCode::InvalidRequest, where + ": \"" + text + "\" is no process id");
  }
  return pid;
}

}  // namespace

Result<FaultMeans> FaultMeans::from(const Arguments& arguments, Console& console) {
  FaultMeans means(console);
  for (const auto& [name, value] : arguments.pairs("pid")) {
    int id = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    if (error != std::errc() || end != name.data() + name.size()) {
      return fail(ErrorCode::InvalidRequest, "--pid " + name + ": must be BROKER=PID");
    }
    OTTLA_TRY(means.pids_[BrokerId(id)], number_in(value, "--pid " + name));
  }
  means.pid_file_ = arguments.value("pid-file");
  means.fault_command_ = arguments.value("fault-command");
  means.heal_command_ = arguments.value("heal-command");
  return means;
}

FaultMeans::~FaultMeans() {
  while (!inflicted_.empty()) {
    const auto [broker, harm] = *inflicted_.begin();
    const auto undone = undo(harm, broker);
    if (undone) {
      console_->err << "put right at the end: " << undone->text << '\n';
    } else {
      console_->err << "could not be put right: " << undone.error().describe() << '\n';
    }
  }
}

Result<std::optional<int>> FaultMeans::pid_of(BrokerId broker) const {
  if (const auto given = pids_.find(broker); given != pids_.end()) return given->second;
  if (!pid_file_) return std::nullopt;
  const std::string path = for_broker(*pid_file_, broker);
  std::ifstream file(path);
  std::string text;
  if (!(file >> text)) return fail(ErrorCode::InvalidRequest, path + ": cannot be read");
  OTTLA_TRY(const int pid, number_in(text, path));
  return pid;
}

Result<FaultMeans::Done> FaultMeans::run(const std::string& command, BrokerId broker) const {
  const std::string line = for_broker(command, broker);
  const int status = std::system(line.c_str());  // NOLINT: the operator's own command
  if (status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return fail(ErrorCode::InvalidRequest,
                "`" + line + "` failed" +
                    (status != -1 && WIFEXITED(status)
                         ? ": exit code " + std::to_string(WEXITSTATUS(status))
                         : ""));
  }
  return Done{broker_text(broker) + ": " + line};
}

FaultMeans::Done FaultMeans::ask(const std::string& what, BrokerId broker) const {
  console_->err << "\n>>> Please: " << what << "\n    (waiting until it is seen)\n" << std::flush;
  return {broker_text(broker) + ": asked the operator: " + what, true};
}

Result<FaultMeans::Done> FaultMeans::plan(Harm harm, BrokerId broker) const {
  if (fault_command_) return Done{for_broker(*fault_command_, broker)};
  const auto signal = signal_of(harm);
  OTTLA_TRY(const auto pid, pid_of(broker));
  if (!signal || !pid) return Done{by_hand(harm, broker), true};
  if (::kill(*pid, 0) != 0) {
    return fail(ErrorCode::InvalidRequest, broker_text(broker) + ": process " +
                                               std::to_string(*pid) + ": " + std::strerror(errno));
  }
  return Done{std::string("kill ") + signal->name + " " + std::to_string(*pid)};
}

Result<FaultMeans::Done> FaultMeans::inflict(Harm harm, BrokerId broker) {
  if (fault_command_) {
    inflicted_[broker] = harm;  // Even a command that fails may have done something.
    return run(*fault_command_, broker);
  }
  const auto signal = signal_of(harm);
  OTTLA_TRY(const auto pid, pid_of(broker));
  if (!signal || !pid) return ask(by_hand(harm, broker), broker);
  if (::kill(*pid, signal->number) != 0) {
    return fail(ErrorCode::InvalidRequest, broker_text(broker) + ": kill " + std::to_string(*pid) +
                                               ": " + std::strerror(errno));
  }
  inflicted_[broker] = harm;
  return Done{broker_text(broker) + ": kill " + signal->name + " " + std::to_string(*pid)};
}

Result<FaultMeans::Done> FaultMeans::undo(Harm harm, BrokerId broker) {
  inflicted_.erase(broker);
  if (heal_command_) return run(*heal_command_, broker);
  OTTLA_TRY(const auto pid, pid_of(broker));
  const bool paused = harm == Harm::Pause || harm == Harm::CutFromZookeeper;
  if (paused && pid && !fault_command_) {
    if (::kill(*pid, SIGCONT) != 0) {
      return fail(ErrorCode::InvalidRequest, broker_text(broker) + ": kill -CONT " +
                                                 std::to_string(*pid) + ": " +
                                                 std::strerror(errno));
    }
    return Done{broker_text(broker) + ": kill -CONT " + std::to_string(*pid)};
  }
  return ask(undo_by_hand(harm, broker), broker);
}

}  // namespace ottla::cli
