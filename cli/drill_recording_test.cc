// What a drill makes of what it saw.
#include "cli/drill_recording.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

namespace ottla::cli {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// A partition that is written every 10 ms for a second, acknowledged after 1 ms, read after 5 ms;
/// broker 1 leads in epoch 3.
Recording quiet_second() {
  Recording recording{.drill = "leader-kill", .topic = "t", .targets = {1}};
  for (int i = 0; i < 100; ++i) {
    recording.probes.push_back({0, milliseconds(i * 10), milliseconds(i * 10 + 1), ""});
    recording.reads.push_back({0, i, milliseconds(i * 10 + 5)});
  }
  recording.leaders = {{milliseconds(0), 0, 1, 3}};
  recording.controllers = {{milliseconds(0), 2, 7}};
  recording.probing_ended = milliseconds(1000);
  return recording;
}

TEST(DrillSummary, PassesWhenNothingHappened) {
  const DrillSummary summary = summarize(quiet_second(), {});
  EXPECT_TRUE(summary.passed());
  EXPECT_EQ(summary.total.acknowledged, 100);
  EXPECT_EQ(summary.total.read, 100);
  EXPECT_EQ(summary.total.longest_gap.length(), milliseconds(10));
  EXPECT_EQ(summary.elections, 0);
  EXPECT_EQ(summary.usual_ack, milliseconds(1));
}

TEST(DrillSummary, MeasuresTheGapOfAFailover) {
  Recording recording = quiet_second();
  // From 300 ms to 540 ms nothing is acknowledged, then all of it at once.
  for (Probe& probe : recording.probes) {
    if (probe.sent > milliseconds(300) && probe.sent < milliseconds(540)) {
      probe.acknowledged = milliseconds(540);
    }
  }
  recording.leaders.push_back({milliseconds(500), 0, 2, 4});
  recording.controllers.push_back({milliseconds(350), -1, std::nullopt});
  recording.controllers.push_back({milliseconds(400), 3, 8});
  const DrillSummary summary = summarize(recording, {.longest_gap = milliseconds(250)});
  EXPECT_TRUE(summary.passed()) << testing::PrintToString(summary.faults);
  EXPECT_EQ(summary.total.longest_gap.begin, milliseconds(301));
  EXPECT_EQ(summary.total.longest_gap.length(), milliseconds(239));
  EXPECT_EQ(summary.elections, 1);
  EXPECT_EQ(summary.controller_changes, 1);
  EXPECT_FALSE(summarize(recording, {.longest_gap = milliseconds(200)}).passed());
}

TEST(DrillSummary, CountsTheTimeUpToTheEndOfProbing) {
  Recording recording = quiet_second();
  recording.probing_ended = milliseconds(3000);
  EXPECT_EQ(summarize(recording, {}).total.longest_gap.length(), milliseconds(3000 - 991));
}

TEST(DrillSummary, DoesNotCountTheTimeBeforeTheFirstAcknowledgement) {
  Recording recording = quiet_second();
  for (Probe& probe : recording.probes) {
    probe.acknowledged = std::max(*probe.acknowledged, DrillTime(milliseconds(400)));
  }
  EXPECT_EQ(summarize(recording, {}).total.longest_gap.length(), milliseconds(10));
}

TEST(DrillSummary, APartitionThatWasNeverWrittenIsAllGap) {
  Recording recording = quiet_second();
  for (Probe& probe : recording.probes) probe.acknowledged.reset();
  const DrillSummary summary = summarize(recording, {.longest_gap = milliseconds(900)});
  EXPECT_EQ(summary.total.longest_gap.length(), milliseconds(1000));
  EXPECT_FALSE(summary.passed());
}

TEST(DrillSummary, ANewEpochOfTheSameLeaderIsNoElection) {
  Recording recording = quiet_second();
  recording.leaders.push_back({milliseconds(10), 0, -1, 3});
  recording.leaders.push_back({milliseconds(20), 0, 1, 4});
  EXPECT_EQ(summarize(recording, {}).elections, 0);
}

TEST(DrillSummary, FindsWhatWasLostDoubledAndReordered) {
  Recording recording = quiet_second();
  recording.reads.erase(recording.reads.begin() + 50);
  recording.reads.push_back({0, 7, milliseconds(1000)});
  std::swap(recording.reads[20], recording.reads[21]);
  recording.probes[99].acknowledged.reset();
  recording.probes[99].error = "timed out";
  const DrillSummary summary = summarize(recording, {});
  EXPECT_EQ(summary.total.lost, 1);
  EXPECT_EQ(summary.total.duplicated, 1);
  EXPECT_EQ(summary.total.reordered, 1);
  EXPECT_EQ(summary.total.refused, 1);
  EXPECT_THAT(summary.faults,
              ElementsAre("1 acknowledged records are lost", "1 records came twice",
                          "1 records came out of order", "1 records were not accepted in time"));
}

TEST(DrillSummary, AnUnacknowledgedRecordThatIsReadIsNoFault) {
  Recording recording = quiet_second();
  recording.probes[99].acknowledged.reset();
  EXPECT_TRUE(summarize(recording, {}).passed());
}

TEST(DrillSummary, WatchesTheEpochs) {
  Recording recording = quiet_second();
  recording.leaders.push_back({milliseconds(10), 0, 2, 3});
  recording.leaders.push_back({milliseconds(20), 0, -1, 2});
  EXPECT_THAT(
      summarize(recording, {}).faults,
      ElementsAre("t-0: two leaders in epoch 3: 1 and 2",
                  "t-0: the leader epoch went back from 3 to 2", "t-0 has no leader in the end"));
}

TEST(DrillReport, TellsTheTimelineInOrder) {
  Recording recording = quiet_second();
  recording.marks.push_back({milliseconds(300), MarkKind::Fault, "broker 1: kill -9"});
  recording.leaders.push_back({milliseconds(340), 0, 2, 4});
  std::vector<std::string> lines;
  for (const Mark& mark : timeline(recording)) lines.push_back(mark.text);
  EXPECT_THAT(lines,
              ElementsAre("t-0: leader 1, leader epoch 3", "controller 2, controller epoch 7",
                          "broker 1: kill -9", "t-0: leader 1 -> 2, leader epoch 3 -> 4"));
}

TEST(DrillReport, JsonHasTheCounts) {
  const Recording recording = quiet_second();
  const auto json = to_json(recording, summarize(recording, {}));
  EXPECT_TRUE(json.at("passed").as_bool());
  EXPECT_EQ(json.at("total").at("acknowledged").as_int64(), 100);
  EXPECT_EQ(json.at("partitions").at(0).at("leaders").at(0).at("leaderEpoch").as_int64(), 3);
}

TEST(DrillReport, HtmlNeedsNothingElseAndEscapes) {
  Recording recording = quiet_second();
  recording.topic = "<t>";
  recording.marks.push_back({milliseconds(300), MarkKind::Fault, "sh -c 'a && b'"});
  const std::string html = to_html(recording, summarize(recording, {}));
  EXPECT_THAT(html, HasSubstr("<svg"));
  EXPECT_THAT(html, HasSubstr("prefers-color-scheme: dark"));
  EXPECT_THAT(html, HasSubstr("a &amp;&amp; b"));
  EXPECT_THAT(html, HasSubstr("&lt;t&gt;"));
  for (const char* const outside : {"http", "<script", "<link", "<img", "@import", "url("}) {
    EXPECT_THAT(html, Not(HasSubstr(outside)));
  }
}

TEST(DrillTimeText, IsRounded) {
  EXPECT_EQ(drill_time_text(std::chrono::microseconds(23'499)), "23 ms");
  EXPECT_EQ(drill_time_text(milliseconds(1034)), "1.034 s");
}

}  // namespace
}  // namespace ottla::cli
