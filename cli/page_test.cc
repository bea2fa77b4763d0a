#include "cli/page.h"

#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/text_table.h"

namespace ottla::cli {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::Le;
using testing::SizeIs;

std::string on_page(std::optional<std::size_t> columns, std::string_view lines) {
  std::ostringstream out;
  print_lines({out, columns}, lines);
  return out.str();
}

TEST(Page, BreaksTextBehindBlanksThenBehindSigns) {
  EXPECT_THAT(broken_to("one two three", 8), ElementsAre("one two", "three"));
  EXPECT_THAT(broken_to("consumer-g-1-6c5a2fb6", 16), ElementsAre("consumer-g-1-", "6c5a2fb6"));
  EXPECT_THAT(broken_to("abcdefghij", 4), ElementsAre("abcd", "efgh", "ij"));
  EXPECT_THAT(broken_to("short", 10), ElementsAre("short"));
  EXPECT_THAT(broken_to("", 10), ElementsAre(""));
}

TEST(Page, CountsCharactersNotBytes) {
  EXPECT_EQ(width_of("Zürich"), 6U);
  EXPECT_THAT(broken_to("üüüü", 3), ElementsAre("üüü", "ü"));
}

TEST(Page, LeavesLinesAloneThatFitOrGoToAFile) {
  const std::string line = "\tTopic: a\tPartition: 0\tLeader: 1\n";
  EXPECT_EQ(on_page(std::nullopt, line), line);
  EXPECT_EQ(on_page(80, line), line);
}

TEST(Page, GoesOnInTheNextLineFromFieldToField) {
  EXPECT_EQ(on_page(40, "\tTopic: a\tPartition: 0\tLeader: 1\tReplicas: 1,2\n\tTopic: b\n"),
            "        Topic: a        Partition: 0\n"
            "                Leader: 1\n"
            "                Replicas: 1,2\n"
            "\tTopic: b\n");
  EXPECT_EQ(on_page(40, "Configs: retention.ms=1000,cleanup.policy=compact\n"),
            "Configs: retention.ms=1000,\ncleanup.policy=compact\n");
  EXPECT_EQ(on_page(20, "  began because a member left\n"), "  began because a\n  member left\n");
}

TextTable offsets() {
  TextTable table({text_column("GROUP", 15), {"LAG", 15}, text_column("CONSUMER-ID")},
                  TableStyle::Blanks);
  table.add({"g", "7", "consumer-g-1-6c5a2fb6-2fc7-4276-9f63-ae391009c2c3"});
  table.add({"g", "1234567890", "-"});
  return table;
}

std::string on_page(std::optional<std::size_t> columns, const TextTable& table) {
  std::ostringstream out;
  table.print({out, columns});
  return out.str();
}

constexpr const char* kAsKafka =
    "GROUP           LAG             CONSUMER-ID\n"
    "g               7               consumer-g-1-6c5a2fb6-2fc7-4276-9f63-ae391009c2c3\n"
    "g               1234567890      -\n";

TEST(TextTable, IsKafkasInAFileAndWhereItFits) {
  EXPECT_EQ(on_page(std::nullopt, offsets()), kAsKafka);
  EXPECT_EQ(on_page(81, offsets()), kAsKafka);
}

TEST(TextTable, LeavesOutPaddingBeforeItBreaksText) {
  EXPECT_EQ(on_page(80, offsets()),
            "GROUP  LAG         CONSUMER-ID\n"
            "g      7           consumer-g-1-6c5a2fb6-2fc7-4276-9f63-ae391009c2c3\n"
            "g      1234567890  -\n");
  EXPECT_EQ(on_page(45, offsets()),
            "GROUP  LAG         CONSUMER-ID\n"
            "g      7           consumer-g-1-6c5a2fb6-\n"
            "                   2fc7-4276-9f63-\n"
            "                   ae391009c2c3\n"
            "g      1234567890  -\n");
}

TEST(TextTable, BreaksTheWidestColumnsAndNeverNumbers) {
  TextTable table({text_column("TOPIC"), "OFFSET", text_column("STATUS")}, TableStyle::Blanks);
  table.add({std::string(60, 't'), "12345678901234567890", std::string(60, 's')});
  std::istringstream lines(on_page(60, table));
  std::vector<std::string> all;
  for (std::string line; std::getline(lines, line);) all.push_back(line);
  EXPECT_THAT(all, Each(SizeIs(Le(60))));
  EXPECT_EQ(all[1], std::string(18, 't') + "  12345678901234567890  " + std::string(18, 's'));
  // Not even that is there: nothing is lost.
  EXPECT_THAT(on_page(10, table), testing::HasSubstr("tttttttt  12345678901234567890  ssss"));
}

TEST(TextTable, BreaksNamesOfColumns) {
  TextTable table({text_column("TOPIC"), "CURRENT-OFFSET", "LAG"}, TableStyle::Blanks);
  table.add({"orders", "5", "7"});
  EXPECT_EQ(on_page(21, table),
            "TOPIC   CURRENT-  LAG\n"
            "        OFFSET\n"
            "orders  5         7\n");
}

TEST(TextTable, HasTabsWhereKafkasNewerToolsHaveThem) {
  TextTable table({text_column("Topic"), "Partition"});
  table.add({"orders", "3"});
  EXPECT_EQ(on_page(std::nullopt, table), "Topic \tPartition\t\norders\t3        \t\n");
  EXPECT_EQ(on_page(17, table), "Topic \tPartition\t\norders\t3        \t\n");
  EXPECT_EQ(on_page(16, table), "Topic   Partition\norders  3\n");
}

}  // namespace
}  // namespace ottla::cli
