#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "cli/tool.h"
#include "common/base/error.h"
#include "common/base/id.h"

namespace ottla::cli {

/// What is done to a broker.
enum class Harm : std::uint8_t {
  Kill,             ///< kill -9
  Stop,             ///< kill -TERM: a controlled shutdown
  Pause,            ///< kill -STOP, and -CONT later
  CutOff,           ///< From everybody, by the network.
  CutFromZookeeper  ///< By the network; without a command for it, a pause that outlasts the
                    ///< session.
};

/// How harm is done and undone, as the command line says: by commands, by a process id on this
/// host, or by telling the operator what to do. What was done and not undone is undone at the end,
/// as far as it can be, however the drill ends.
class FaultMeans {
 public:
  /// From --fault-command, --heal-command, --pid and --pid-file. Errors: InvalidRequest.
  [[nodiscard]] static Result<FaultMeans> from(const Arguments& arguments, Console& console);
  ~FaultMeans();
  FaultMeans(FaultMeans&&) = default;
  FaultMeans& operator=(FaultMeans&&) = delete;

  struct Done {
    std::string text;      ///< "broker 1: kill -9 4711"
    bool by_hand = false;  ///< An operator was asked to: it is done when it is seen.
  };
  /// How it would be done, for the plan. Errors: InvalidRequest, e.g. when there is no such
  /// process.
  [[nodiscard]] Result<Done> plan(Harm harm, BrokerId broker) const;
  [[nodiscard]] Result<Done> inflict(Harm harm, BrokerId broker);
  [[nodiscard]] Result<Done> undo(Harm harm, BrokerId broker);

 private:
  explicit FaultMeans(Console& console) : console_(&console) {}
  [[nodiscard]] Result<std::optional<int>> pid_of(BrokerId broker) const;
  [[nodiscard]] Result<Done> run(const std::string& command, BrokerId broker) const;
  Done ask(const std::string& what, BrokerId broker) const;

  Console* console_;
  std::map<BrokerId, int> pids_;
  std::optional<std::string> pid_file_;
  std::optional<std::string> fault_command_;
  std::optional<std::string> heal_command_;
  std::map<BrokerId, Harm> inflicted_;
};

}  // namespace ottla::cli
