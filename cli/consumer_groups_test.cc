#include <sstream>

#include <gmock/gmock.h>

#include "cli/group_choice.h"
#include "cli/group_tables.h"
#include "cli/moment_text.h"
#include "cli/offset_reset.h"

namespace ottla::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Datetime, IsUtcUnlessItSaysOtherwise) {
  EXPECT_EQ(*parse_datetime_ms("1970-01-01T00:00:00.000"), 0);
  EXPECT_EQ(*parse_datetime_ms("2026-11-21T10:09:08.123"), 1795255748123);
  EXPECT_EQ(*parse_datetime_ms("2026-11-21T10:09:08.123Z"), 1795255748123);
  EXPECT_EQ(*parse_datetime_ms("2026-11-21T11:09:08.123+01:00"), 1795255748123);
  EXPECT_EQ(*parse_datetime_ms("2026-11-21T05:39:08.123-0430"), 1795255748123);
  EXPECT_EQ(*parse_datetime_ms("2026-11-21T10:09:08"), 1795255748000);
  EXPECT_EQ(*parse_datetime_ms("2024-02-29T00:00:00.5"), 1709164800500);
  for (const char* const wrong :
       {"", "2026-11-21", "2026-13-01T00:00:00.000", "2025-02-29T00:00:00.000",
        "2026-11-21T24:00:00.000", "2026-11-21T10:09:08.123+1", "2026-11-21T10:09:08.123 Z",
        "26-11-21T10:09:08.123"}) {
    EXPECT_FALSE(parse_datetime_ms(wrong)) << wrong;
  }
}

TEST(Duration, IsIso8601) {
  EXPECT_EQ(parse_duration("P1D")->count(), 86'400'000);
  EXPECT_EQ(parse_duration("PT1H30M")->count(), 5'400'000);
  EXPECT_EQ(parse_duration("P1DT12H")->count(), 129'600'000);
  EXPECT_EQ(parse_duration("PT0.5S")->count(), 500);
  EXPECT_EQ(parse_duration("-PT1S")->count(), -1'000);
  EXPECT_EQ(parse_duration("pt1h30m")->count(), 5'400'000);
  EXPECT_EQ(parse_duration("P+1DT-1H")->count(), 82'800'000);
  EXPECT_EQ(parse_duration("PT-0.25S")->count(), -250);
  EXPECT_EQ(parse_duration("PT1,5s")->count(), 1'500);
  for (const char* const wrong :
       {"", "P", "PT", "1D", "P1H", "PT1D", "P1", "PD", "PT1H2", "P1W", "P1.5D", "PT0.5H", "PT1S1M",
        "P1DT", "PT1.0123456789S", "PT.5S"}) {
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
  }
}

TEST(TopicChoice, MayNamePartitions) {
  EXPECT_EQ(parse_topic_choice("orders")->topic, "orders");
  EXPECT_THAT(parse_topic_choice("orders:0,2")->partitions, ElementsAre(0, 2));
  EXPECT_FALSE(parse_topic_choice("orders:"));
  EXPECT_FALSE(parse_topic_choice(":1"));
  EXPECT_FALSE(parse_topic_choice("orders:-1"));
}

TEST(MomentText, IsReadByPeople) {
  EXPECT_EQ(moment_text(1795255748023), "2026-11-21 10:09:08.023Z");
  EXPECT_EQ(java_date_text(1795255748023), "Sat Nov 21 10:09:08 UTC 2026");
}

TEST(UndeleteTable, ShowsWhatIsThereAndWhatWillBe) {
  std::ostringstream out;
  print_undelete({out}, {{.group = "g",
                          .current = 3,
                          .ended = {.partition = {"orders", 1},
                                    .offset = 70,
                                    .ended_ms = 1795255748123,
                                    .kept_until_ms = 1795860548123,
                                    .why = "expired"}}});
  EXPECT_EQ(out.str(),
            "\n"
            "GROUP           TOPIC           PARTITION  CURRENT-OFFSET  NEW-OFFSET      "
            "ENDED                     KEPT-UNTIL                WHY\n"
            "g               orders          1          3               70              "
            "2026-11-21 10:09:08.123Z  2026-11-28 10:09:08.123Z  expired\n");
}

Result<> checked(std::string_view action, std::vector<std::string> words) {
  static constexpr Flag kSome[] = {{.name = "group", .value = "g", .repeated = true},
                                   {.name = "all-groups"},
                                   {.name = "topic", .value = "t", .repeated = true},
                                   {.name = "all-topics"},
                                   {.name = "members"},
                                   {.name = "verbose"},
                                   {.name = "state", .value = "s", .bare = ""},
                                   {.name = "to-latest"},
                                   {.name = "from-file", .value = "f"}};
  OTTLA_TRY(const Arguments arguments, Arguments::parse(kSome, words));
  return check_group_flags(action, arguments);
}

// Found out with Kafka's own tool, save for --all-topics where it is ignored there.
TEST(GroupFlags, DoWhatTheySayOrAreRefused) {
  EXPECT_TRUE(checked("list", {}));
  EXPECT_TRUE(checked("list", {"--state", "stable"}));
  EXPECT_TRUE(checked("list", {"--all-groups"}));
  EXPECT_FALSE(checked("list", {"--group", "g"}));
  EXPECT_FALSE(checked("list", {"--topic", "t"}));
  EXPECT_FALSE(checked("list", {"--members"}));
  EXPECT_TRUE(checked("describe", {"--group", "a", "--group", "b", "--members", "--verbose"}));
  EXPECT_TRUE(checked("describe", {"--all-groups", "--state"}));
  EXPECT_FALSE(checked("describe", {"--all-groups", "--state", "stable"}));
  EXPECT_FALSE(checked("describe", {"--group", "a", "--all-groups"}));
  EXPECT_FALSE(checked("describe", {"--group", "a", "--topic", "t"}));
  EXPECT_FALSE(checked("describe", {}));
  EXPECT_TRUE(checked("delete", {"--group", "a", "--group", "b"}));
  EXPECT_FALSE(checked("delete", {"--group", "a", "--topic", "t"}));
  EXPECT_FALSE(checked("delete", {"--group", "a", "--all-topics"}));
  EXPECT_FALSE(checked("delete", {"--group", "a", "--all-groups"}));
  EXPECT_FALSE(checked("delete", {"--group", "a", "--state", "empty"}));
  EXPECT_FALSE(checked("delete", {}));
  EXPECT_TRUE(checked("delete-offsets", {"--group", "a", "--topic", "t"}));
  EXPECT_FALSE(checked("delete-offsets", {"--group", "a", "--all-topics"}));
  EXPECT_FALSE(checked("delete-offsets", {"--group", "a", "--group", "b", "--topic", "t"}));
  EXPECT_FALSE(checked("delete-offsets", {"--all-groups", "--topic", "t"}));
  EXPECT_TRUE(checked("reset-offsets", {"--all-groups", "--all-topics", "--to-latest"}));
  EXPECT_TRUE(checked("reset-offsets", {"--group", "a", "--from-file", "f"}));
  EXPECT_TRUE(checked("reset-offsets", {"--group", "a", "--all-topics", "--from-file", "f"}));
  EXPECT_TRUE(checked("delete", {"--group", "a", "--to-latest"})) << "ignored, as by Kafka's";
  EXPECT_FALSE(checked("reset-offsets", {"--group", "a", "--to-latest"}));
  EXPECT_FALSE(checked("reset-offsets", {"--group", "a", "--topic", "t", "--all-topics"}));
  EXPECT_FALSE(checked("reset-offsets", {"--group", "a", "--all-groups", "--topic", "t"}));
  EXPECT_FALSE(checked("reset-offsets", {"--topic", "t", "--to-latest"}));
}

TEST(ResetPlan, IsReadAsItWasExported) {
  const ResetPlan one = {{"g", {{{"a", 0}, 5}, {{"a", 1}, 7}}}};
  EXPECT_EQ(plan_as_csv(one, false), "a,0,5\na,1,7\n");
  EXPECT_EQ(*parse_plan("a,0,5\r\na,1,7\n\n", {"g"}), one);
  const ResetPlan two = {{"g", {{{"a", 0}, 5}}}, {"h", {{{"a", 0}, 6}}}};
  EXPECT_EQ(plan_as_csv(two, true), "g,a,0,5\nh,a,0,6\n");
  EXPECT_EQ(*parse_plan("g,a,0,5\nh,a,0,6\n", {"g", "h"}), two);
  EXPECT_THAT(parse_plan("a,0,5", {"g", "h"}).error().message(), HasSubstr("line 1"));
  EXPECT_THAT(parse_plan("a,0,5\na,x,5", {"g"}).error().message(), HasSubstr("line 2"));
  EXPECT_THAT(parse_plan("z,a,0,5", {"g"}).error().message(), HasSubstr("group z"));
}

TEST(ResetPlan, IsReadAsItWasPrintedInJson) {
  const ResetPlan two = {{"g", {{{"a", 0}, 5}}}, {"h", {{{"a", 1}, 6}}}};
  const std::string text = R"([{"group":"g","topic":"a","partition":0,"newOffset":5},)"
                           R"({"group":"h","topic":"a","partition":1,"newOffset":6}])";
  EXPECT_EQ(plan_as_json(two), text);
  EXPECT_EQ(*parse_json_plan(text, {"g", "h"}), two);
  EXPECT_THAT(parse_json_plan(text, {"g"}).error().message(),
              HasSubstr("entry 2 of the file: group h"));
  EXPECT_THAT(parse_json_plan(R"([{"group":"g"}])", {"g"}).error().message(),
              HasSubstr("entry 1 of the file: must have group"));
  EXPECT_THAT(parse_json_plan("[3]", {"g"}).error().message(), HasSubstr("entry 1"));
  EXPECT_FALSE(parse_json_plan("[", {"g"}));
}

TEST(ResetPlan, NamesWithCommasStandInQuotes) {
  const ResetPlan plan = {{"a,b", {{{"t", 0}, 5}}}, {"say \"hi\"", {{{"t", 1}, 6}}}};
  const std::string csv = "\"a,b\",t,0,5\n\"say \"\"hi\"\"\",t,1,6\n";
  EXPECT_EQ(plan_as_csv(plan, true), csv);
  EXPECT_EQ(*parse_plan(csv, {"a,b", "say \"hi\""}), plan);
  EXPECT_EQ(*parse_plan("\"t\",\"0\",5", {"g"}), (ResetPlan{{"g", {{{"t", 0}, 5}}}}));
  EXPECT_FALSE(parse_plan("\"t,0,5", {"g"}));
  EXPECT_FALSE(parse_plan("\"t\"x,0,5", {"g"}));
}

TEST(NewOffset, StaysWithinTheLog) {
  using Kind = OffsetTarget::Kind;
  const OffsetRange range{.earliest = 10, .latest = 50, .committed = 30, .at_time = 40};
  EXPECT_EQ(new_offset({Kind::Earliest}, range)->offset, 10);
  EXPECT_EQ(new_offset({Kind::Latest}, range)->offset, 50);
  EXPECT_EQ(new_offset({Kind::Current}, range)->offset, 30);
  EXPECT_EQ(new_offset({Kind::Timestamp}, range)->offset, 40);
  EXPECT_EQ(new_offset({Kind::Offset, 20}, range)->offset, 20);
  EXPECT_EQ(new_offset({Kind::Shift, -5}, range)->offset, 25);
  EXPECT_EQ(new_offset({Kind::Shift, -25}, range)->offset, 10);
  EXPECT_THAT(new_offset({Kind::Offset, 99}, range)->warning, HasSubstr("above the latest"));
  EXPECT_EQ(new_offset({Kind::Offset, 99}, range)->offset, 50);
  const OffsetRange unknown{.earliest = 10, .latest = 50};
  EXPECT_EQ(new_offset({Kind::Current}, unknown)->offset, 50);
  EXPECT_EQ(new_offset({Kind::Timestamp}, unknown)->offset, 50);
  EXPECT_FALSE(new_offset({Kind::Shift, 1}, unknown));
}

GroupView some_group() {
  return {.group = "g",
          .state = "Stable",
          .protocol_type = "consumer",
          .protocol = "range",
          .coordinator = BrokerId(2),
          .coordinator_host = "broker-2",
          .coordinator_port = 9092,
          .members = {{"c-1", "", "c", "/10.0.0.1", {{"a", 0}, {"a", 1}, {"b", 0}}},
                      {"c-2", "", "d", "/10.0.0.2", {}}}};
}

TEST(GroupTables, ShowOffsetsInKafkasColumns) {
  const GroupView group = some_group();
  const auto lines = offset_lines(group, {{{"a", 0}, 5}, {{"old", 3}, 7}},
                                  {{{"a", 0}, 9}, {{"a", 1}, 2}, {{"old", 3}, 7}});
  std::ostringstream out;
  print_offsets({out}, group, lines);
  EXPECT_EQ(
      out.str(),
      "\n"
      "GROUP           TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG             "
      "CONSUMER-ID     HOST            CLIENT-ID\n"
      "g               a               0          5               9               4               "
      "c-1             /10.0.0.1       c\n"
      "g               a               1          -               2               -               "
      "c-1             /10.0.0.1       c\n"
      "g               b               0          -               -               -               "
      "c-1             /10.0.0.1       c\n"
      "g               old             3          7               7               0               "
      "-               -               -\n"
      "g               -               -          -               -               -               "
      "c-2             /10.0.0.2       d\n");
}

TEST(GroupTables, ShowMembersAndState) {
  std::ostringstream members;
  print_members({members}, some_group(), true);
  EXPECT_EQ(members.str(),
            "\n"
            "GROUP           CONSUMER-ID     HOST            CLIENT-ID       #PARTITIONS     "
            "ASSIGNMENT\n"
            "g               c-1             /10.0.0.1       c               3               "
            "a(0,1), b(0)\n"
            "g               c-2             /10.0.0.2       d               0               -\n");
  std::ostringstream state;
  print_state({state}, some_group());
  EXPECT_EQ(state.str(),
            "\n"
            "GROUP                     COORDINATOR (ID)          ASSIGNMENT-STRATEGY  STATE        "
            "   #MEMBERS\n"
            "g                         broker-2:9092  (2)        range                Stable       "
            "   2\n");
}

}  // namespace
}  // namespace ottla::cli
