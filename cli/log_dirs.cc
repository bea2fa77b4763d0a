// `ottla log-dirs`: what kafka-log-dirs does.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "cli/broker_client.h"
#include "cli/tool.h"
#include "common/protocol/messages/describe_log_dirs.h"

namespace ottla::cli {
namespace {

using protocol::DescribeLogDirsRequest;
using protocol::DescribeLogDirsResponse;

constexpr Flag kFlags[] = {
    kBootstrapServerFlag,
    kCommandConfigFlag,
    {.name = "json", .doc = "print the JSON alone, without the lines of text before it"},
    {.name = "describe", .doc = "describe the log directories"},
    {.name = "broker-list", .value = "0,1,..", .doc = "brokers to ask; all without it"},
    {.name = "topic-list", .value = "topic,..", .doc = "topics to show; all without it"},
    {.name = "table",
     .doc =
         "print lines for people in place of JSON: free space, and the largest partitions first"},
    {.name = "largest", .value = "n", .doc = "with --table: of each directory only so many"},
};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    if (comma > at) parts.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}

std::string joined(const std::vector<BrokerId>& brokers) {
  std::string text;
  for (const BrokerId broker : brokers) {
    text += (text.empty() ? "" : ",") + std::to_string(broker.value());
  }
  return text;
}

/// The brokers to ask. Errors: InvalidRequest for one that is not in the cluster.
Result<std::vector<BrokerId>> chosen_brokers(const Arguments& arguments,
                                             const protocol::MetadataResponse& metadata) {
  std::vector<BrokerId> existing;
  for (const auto& broker : metadata.brokers) existing.push_back(broker.node_id);
  std::ranges::sort(existing);
  std::vector<BrokerId> chosen;
  std::vector<BrokerId> unknown;
  for (const std::string& text : split(arguments.value_or("broker-list", ""))) {
    std::int32_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error != std::errc() || end != text.data() + text.size()) {
      return fail(ErrorCode::InvalidRequest, "--broker-list " + text + ": must be a broker's id");
    }
    auto& list = std::ranges::find(existing, BrokerId(id)) == existing.end() ? unknown : chosen;
    list.push_back(BrokerId(id));
  }
  if (!unknown.empty()) {
    return fail(ErrorCode::InvalidRequest,
                "The given brokers do not exist from --broker-list: " + joined(unknown) +
                    ". Current existent brokers: " + joined(existing));
  }
  return chosen.empty() ? existing : chosen;
}

/// Kafka's tool prints the exception's class.
boost::json::value error_text(ErrorCode error) {
  if (error == ErrorCode::None) return nullptr;
  if (error == ErrorCode::KafkaStorageError) {
    return "org.apache.kafka.common.errors.KafkaStorageException";
  }
  return boost::json::string(name_of(error));
}

struct Described {
  BrokerId broker;
  DescribeLogDirsResponse answer;
};

void keep_topics(DescribeLogDirsResponse& answer, const std::vector<std::string>& topics) {
  if (topics.empty()) return;
  for (auto& directory : answer.results) {
    std::erase_if(directory.topics, [&](const auto& topic) {
      return std::ranges::find(topics, topic.name) == topics.end();
    });
  }
}

/// In the form of kafka-log-dirs, which scripts parse.
void print_json(const std::vector<Described>& all, Console& console) {
  boost::json::array brokers;
  for (const Described& described : all) {
    boost::json::array directories;
    for (const auto& directory : described.answer.results) {
      boost::json::array partitions;
      for (const auto& topic : directory.topics) {
        for (const auto& partition : topic.partitions) {
          partitions.push_back(
              {{"partition", topic.name + "-" + std::to_string(partition.partition_index)},
               {"size", partition.partition_size},
               {"offsetLag", partition.offset_lag},
               {"isFuture", partition.is_future_key}});
        }
      }
      boost::json::object row;
      row["partitions"] = std::move(partitions);
      row["error"] = error_text(directory.error_code);
      row["logDir"] = directory.log_dir;
      directories.push_back(std::move(row));
    }
    boost::json::object row;
    row["broker"] = described.broker.value();
    row["logDirs"] = std::move(directories);
    brokers.push_back(std::move(row));
  }
  boost::json::object root;
  root["brokers"] = std::move(brokers);
  root["version"] = 1;
  console.out << boost::json::serialize(root) << '\n';
}

struct TableRow {
  std::string partition;
  std::int64_t bytes = 0;
  std::int64_t lag = 0;
  bool is_future = false;
};

std::vector<TableRow> largest_first(const DescribeLogDirsResponse::Result& directory) {
  std::vector<TableRow> rows;
  for (const auto& topic : directory.topics) {
    for (const auto& partition : topic.partitions) {
      rows.push_back({topic.name + "-" + std::to_string(partition.partition_index),
                      partition.partition_size, partition.offset_lag, partition.is_future_key});
    }
  }
  std::ranges::stable_sort(rows, std::greater<>(), &TableRow::bytes);
  return rows;
}

void print_table(const std::vector<Described>& all, std::size_t most, std::ostream& out) {
  for (const Described& described : all) {
    for (const auto& directory : described.answer.results) {
      out << "broker " << described.broker << '\t' << directory.log_dir;
      if (directory.error_code != ErrorCode::None) {
        out << "\toffline (" << name_of(directory.error_code) << ")\n";
        continue;
      }
      out << "\tonline";
      if (directory.total_bytes > 0) {
        out << "\tfree " << directory.usable_bytes << " of " << directory.total_bytes << " ("
            << directory.usable_bytes * 100 / directory.total_bytes << " %)";
      }
      out << '\n';
      std::vector<TableRow> rows = largest_first(directory);
      const std::size_t left_out = rows.size() > most ? rows.size() - most : 0;
      rows.resize(rows.size() - left_out);
      for (const TableRow& row : rows) {
        out << "  " << row.partition << "\tsize " << row.bytes << "\tlag " << row.lag
            << (row.is_future ? "\tfuture" : "") << '\n';
      }
      if (left_out > 0) out << "  and " << left_out << " more\n";
    }
  }
}

/// --largest; all without it.
Result<std::size_t> rows_wanted(const Arguments& arguments) {
  const std::string text = arguments.value_or("largest", "");
  std::size_t most = text.empty() ? SIZE_MAX : 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), most);
  if (!text.empty() && (error != std::errc() || end != text.data() + text.size())) {
    return fail(ErrorCode::InvalidRequest, "--largest " + text + ": must be a number");
  }
  return most;
}

Result<> run_log_dirs(const Arguments& arguments, Console& console) {
  OTTLA_TRY_VOID(arguments.require("describe"));
  OTTLA_TRY_VOID(arguments.require("bootstrap-server"));
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  OTTLA_TRY(const auto metadata, client.metadata());
  OTTLA_TRY(const auto brokers, chosen_brokers(arguments, metadata));
  const bool is_table = arguments.has("table") && !arguments.has("json");
  const bool has_text = !is_table && !arguments.has("json");
  if (has_text) console.out << "Querying brokers for log directories information\n";
  std::vector<Described> all;
  for (const BrokerId broker : brokers) {
    DescribeLogDirsRequest request;
    request.topics.reset();
    OTTLA_TRY(auto answer, client.ask<DescribeLogDirsResponse>(broker, request));
    if (answer.error_code != ErrorCode::None) return fail(answer.error_code);
    keep_topics(answer, split(arguments.value_or("topic-list", "")));
    all.push_back({broker, std::move(answer)});
  }
  if (is_table) {
    OTTLA_TRY(const std::size_t most, rows_wanted(arguments));
    std::ostringstream lines;
    print_table(all, most, lines);
    print_lines(console.page(), lines.view());
  } else {
    if (has_text) {
      console.out << "Received log directory information from brokers " << joined(brokers) << '\n';
    }
    print_json(all, console);
  }
  return {};
}

}  // namespace

const Tool kLogDirsTool{.name = "log-dirs",
                        .summary = "show what lies in the brokers' log directories",
                        .flags = kFlags,
                        .run = run_log_dirs};

}  // namespace ottla::cli
