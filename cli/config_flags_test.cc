#include "cli/config_flags.h"

#include <gtest/gtest.h>

namespace ottla::cli {
namespace {

TEST(ConfigFlags, BracketsKeepCommasTogether) {
  EXPECT_EQ(parse_added_configs("a=1, b=[x,y],c=,d=k=v"),
            (config::Properties{{"a", "1"}, {"b", "x,y"}, {"c", ""}, {"d", "k=v"}}));
  EXPECT_EQ(parse_added_configs("a=[]"), (config::Properties{{"a", ""}}));
}

TEST(ConfigFlags, WhatHasNoValueIsRefused) {
  EXPECT_FALSE(parse_added_configs("a"));
  EXPECT_FALSE(parse_added_configs("a=1,=2"));
}

TEST(ConfigFlags, NamesAreSplit) {
  EXPECT_EQ(split_names(" a,b ,,c"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(split_names("").empty());
}

}  // namespace
}  // namespace ottla::cli
