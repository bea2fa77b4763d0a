#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "cli/tool.h"
#include "common/env/clock.h"

namespace ottla::cli {

/// A line at the bottom of a terminal that says how far long work is, and goes away at its end:
///
///     reading 0000.log  [##########..........]  50 %, 3 s left
///     waiting for broker 2 to be back in every ISR, 12 s
///
/// Work that is done within half a second shows nothing. What prints beside it hides it first.
class Progress {
 public:
  /// `columns`: how wide the terminal is; unset: there is none, and nothing is ever written.
  /// `total`: what `at` reaches at the end; 0: nobody knows.
  Progress(std::ostream& out, std::optional<std::size_t> columns, const env::Clock& clock,
           std::string what, std::uint64_t total = 0);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { hide(); }

  /// How much is done of the total. To be called often: it draws ten times a second at most.
  void at(std::uint64_t done);
  /// Takes the line away until the next `at`.
  void hide();

 private:
  [[nodiscard]] std::string line(std::uint64_t done, env::MonotonicTime now) const;

  std::ostream& out_;
  const std::optional<std::size_t> columns_;
  const env::Clock& clock_;
  const std::string what_;
  const std::uint64_t total_;
  const env::MonotonicTime began_;
  env::MonotonicTime draw_at_;
  bool is_shown_ = false;
};

/// The process's clock, for a Progress.
[[nodiscard]] const env::Clock& progress_clock();

/// Where a tool that prints results all the time shows how far it is: only where these go
/// elsewhere.
[[nodiscard]] inline std::optional<std::size_t> columns_beside_output(const Console& console) {
  return console.out_columns ? std::nullopt : console.err_columns;
}

}  // namespace ottla::cli
