#include "cli/progress.h"

#include <chrono>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ottla::cli {
namespace {

using std::chrono::milliseconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

class HandClock final : public env::Clock {
 public:
  [[nodiscard]] env::MonotonicTime now() const override { return now_; }
  [[nodiscard]] env::WallTimeMs wall_now_ms() const override { return 0; }
  void advance(milliseconds time) { now_ += time; }

 private:
  env::MonotonicTime now_{};
};

constexpr const char* kErase = "\r\x1b[K";

struct Terminal {
  HandClock clock{};
  std::ostringstream out{};
  /// What was written since the last call.
  std::string written() {
    std::string text = out.str();
    out.str("");
    return text;
  }
};

TEST(Progress, IsABarAndTheTimeThatIsLeft) {
  Terminal terminal;
  Progress progress(terminal.out, 60, terminal.clock, "reading 0.log", 1000);
  terminal.clock.advance(milliseconds(3000));
  progress.at(250);
  EXPECT_EQ(terminal.written(),
            std::string(kErase) + "reading 0.log  [######...................]  25 %, 10 s left");
  terminal.clock.advance(milliseconds(3000));
  progress.at(1000);
  EXPECT_THAT(terminal.written(), EndsWith("##]  100 %"));
}

TEST(Progress, SaysNothingOfWhatIsQuick) {
  Terminal terminal;
  {
    Progress progress(terminal.out, 80, terminal.clock, "reading", 10);
    for (int i = 0; i < 4; ++i) {
      progress.at(static_cast<std::uint64_t>(i));
      terminal.clock.advance(milliseconds(100));
    }
  }
  EXPECT_EQ(terminal.written(), "");
}

TEST(Progress, DrawsTenTimesASecondAtMost) {
  Terminal terminal;
  Progress progress(terminal.out, 80, terminal.clock, "reading", 10'000);
  int drawn = 0;
  for (std::uint64_t ms = 0; ms < 2000; ++ms) {
    progress.at(ms);
    if (!terminal.written().empty()) ++drawn;
    terminal.clock.advance(milliseconds(1));
  }
  EXPECT_EQ(drawn, 15);  // from the first half second on
}

TEST(Progress, IsGoneAtTheEndAndWhileOthersPrint) {
  Terminal terminal;
  {
    Progress progress(terminal.out, 80, terminal.clock, "reading", 10);
    progress.hide();
    EXPECT_EQ(terminal.written(), "");
    terminal.clock.advance(milliseconds(600));
    progress.at(1);
    EXPECT_NE(terminal.written(), "");
    progress.hide();
    EXPECT_EQ(terminal.written(), kErase);
    progress.at(1);
    EXPECT_THAT(terminal.written(), HasSubstr("reading"));
  }
  EXPECT_EQ(terminal.written(), kErase);
}

TEST(Progress, WaitsForWhatHasNoMeasure) {
  Terminal terminal;
  Progress progress(terminal.out, 80, terminal.clock, "waiting for broker 2");
  terminal.clock.advance(milliseconds(12'300));
  progress.at(0);
  EXPECT_EQ(terminal.written(), std::string(kErase) + "waiting for broker 2, 12 s");
  terminal.clock.advance(std::chrono::minutes(5));
  progress.at(0);
  EXPECT_THAT(terminal.written(), EndsWith(", 5 min"));
}

TEST(Progress, FitsANarrowTerminal) {
  for (std::size_t columns = 1; columns < 60; ++columns) {
    Terminal terminal;
    Progress progress(terminal.out, columns, terminal.clock, "reading 0.log", 1000);
    terminal.clock.advance(milliseconds(1000));
    progress.at(500);
    EXPECT_LT(terminal.written().size(), columns + 4 + (columns == 1 ? 1 : 0)) << columns;
  }
}

TEST(Progress, WritesNothingWhereNoTerminalIs) {
  Terminal terminal;
  {
    Progress progress(terminal.out, std::nullopt, terminal.clock, "reading", 10);
    terminal.clock.advance(milliseconds(6000));
    progress.at(5);
  }
  EXPECT_EQ(terminal.written(), "");
}

}  // namespace
}  // namespace ottla::cli
