#include "cli/progress.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "cli/page.h"

namespace ottla::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kSilent{500};
constexpr milliseconds kPause{100};
constexpr std::size_t kWidestBar = 40;
constexpr std::size_t kNarrowestBar = 10;
/// Back to the first column, and the line empty.
constexpr std::string_view kEraseLine = "\r\x1b[K";

std::string duration_of(seconds time) {
  const auto number = time.count();
  if (number < 120) return std::to_string(number) + " s";
  if (number < 7200) return std::to_string(number / 60) + " min";
  return std::to_string(number / 3600) + " h";
}

std::string shortened(const std::string& text, std::size_t columns) {
  return broken_to(text, std::max<std::size_t>(columns, 1)).front();
}

}  // namespace

Progress::Progress(std::ostream& out, std::optional<std::size_t> columns, const env::Clock& clock,
                   std::string what, std::uint64_t total)
    : out_(out),
      columns_(columns),
      clock_(clock),
      what_(std::move(what)),
      total_(total),
      began_(clock.now()),
      draw_at_(began_ + kSilent) {}

void Progress::at(std::uint64_t done) {
  if (!columns_) return;
  const env::MonotonicTime now = clock_.now();
  if (now < draw_at_) return;
  draw_at_ = now + kPause;
  out_ << kEraseLine << line(done, now) << std::flush;
  is_shown_ = true;
}

void Progress::hide() {
  if (!is_shown_) return;
  out_ << kEraseLine << std::flush;
  is_shown_ = false;
  draw_at_ = clock_.now();  // it comes back at once
}

std::string Progress::line(std::uint64_t done, env::MonotonicTime now) const {
  // The last column stays free: some terminals begin a new line when it is written.
  const std::size_t room = *columns_ - 1;
  const auto elapsed = std::chrono::duration_cast<seconds>(now - began_);
  if (total_ == 0) return shortened(what_ + ", " + duration_of(elapsed), room);

  const std::uint64_t reached = std::min(done, total_);
  const double part = static_cast<double>(reached) / static_cast<double>(total_);
  std::string behind = std::to_string(static_cast<int>(part * 100)) + " %";
  if (reached > 0 && reached < total_) {
    const double left = std::chrono::duration<double>(now - began_).count() * (1 - part) / part;
    behind += ", " + duration_of(seconds(static_cast<std::int64_t>(left) + 1)) + " left";
  }
  const std::size_t taken = width_of(what_) + behind.size() + 6;  // "  [", "]  ", and one to spare
  if (taken + kNarrowestBar > room) return shortened(what_ + "  " + behind, room);
  const std::size_t bar = std::min(kWidestBar, room - taken);
  const auto full = static_cast<std::size_t>(part * static_cast<double>(bar));
  return what_ + "  [" + std::string(full, '#') + std::string(bar - full, '.') + "]  " + behind;
}

const env::Clock& progress_clock() {
  static const env::SystemClock clock;
  return clock;
}

}  // namespace ottla::cli
