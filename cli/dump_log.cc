// `ottla dump-log`: what kafka-dump-log does, for all files of a log dir, and whether they are
// sound.
#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "broker/storage/cut_records.h"
#include "broker/storage/file_names.h"
#include "cli/checkpoint_dump.h"
#include "cli/index_dump.h"
#include "cli/log_verifier.h"
#include "cli/progress.h"
#include "cli/segment_dump.h"
#include "cli/tool.h"
#include "common/env/file_system.h"

namespace ottla::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "files",
     .value = "a.log,b.index,..",
     .doc = ".log, .index, .timeindex, .txnindex and .snapshot files, also those that end with "
            ".deleted, .cleaned or .swap; ottla-cut.*, checkpoints, partition.metadata, "
            "meta.properties, .kafka_cleanshutdown, and Ottla's own ottla-*"},
    {.name = "verify",
     .value = "dir,..",
     .doc = "look whether a log dir, or one partition's directory, is sound: all batches, indexes, "
            "snapshots, checkpoints; of a broker that does not run",
     .repeated = true},
    {.name = "print-data-log", .doc = "records with key and value"},
    {.name = "offsets-decoder", .doc = "records of __consumer_offsets, decoded"},
    {.name = "transaction-log-decoder", .doc = "records of __transaction_state, decoded"},
    {.name = "cluster-metadata-decoder",
     .doc = "refused: __cluster_metadata is KRaft's, there is none with ZooKeeper"},
    {.name = "remote-log-metadata-decoder",
     .doc = "refused: there is no tiered storage, and no log of its metadata"},
    {.name = "deep-iteration", .doc = "records, too; --print-data-log implies it"},
    {.name = "skip-record-metadata", .doc = "of records, only key and value"},
    {.name = "index-sanity-check", .doc = "of indexes, only look at the file itself"},
    {.name = "verify-index-only", .doc = "of indexes, only compare with the segment"},
    {.name = "max-message-size",
     .value = "bytes",
     .doc = "accepted; a batch is read whole, however large"},
    {.name = "max-bytes", .value = "bytes", .doc = "stop a .log after so many bytes"},
    {.name = "value-decoder-class",
     .value = "class",
     .doc = "kafka.serializer.StringDecoder, the default",
     .bare = "kafka.serializer.StringDecoder"},
    {.name = "key-decoder-class",
     .value = "class",
     .doc = "the same",
     .bare = "kafka.serializer.StringDecoder"},
    {.name = "json",
     .doc =
         "print each batch of a .log, each entry of another file, as a JSON object in a line; with "
         "--verify, one object"},
};

std::vector<std::string> split_by_comma(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    if (comma > 0) parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

IndexDumpMode index_mode(const Arguments& arguments) {
  if (arguments.has("index-sanity-check")) return IndexDumpMode::SanityCheck;
  return arguments.has("verify-index-only") ? IndexDumpMode::VerifyOnly : IndexDumpMode::Print;
}

Result<> check_decoder(const Arguments& arguments, std::string_view flag) {
  const auto name = arguments.value(flag);
  if (!name || name->ends_with("StringDecoder")) return {};
  return fail(ErrorCode::InvalidRequest,
              "--" + std::string(flag) + " " + *name + ": classes of Java cannot be loaded here");
}

std::string name_of_file(const std::string& path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

/// Without what a segment's files are called on their way in and out of the log.
std::string_view without_stage(std::string_view path) {
  for (const std::string_view stage :
       {storage::kDeletedSuffix, storage::kCleanedSuffix, storage::kSwapSuffix}) {
    if (path.ends_with(stage)) return path.substr(0, path.size() - stage.size());
  }
  return path;
}

Result<> dump_file(env::FileSystem& files, const std::string& path,
                   const SegmentDumpOptions& options, IndexDumpMode mode, Console& console) {
  if (!options.json) console.out << "Dumping " << path << '\n';
  const EntryPrinter printer(path, options.json, console.out);
  const std::string_view kind = without_stage(path);
  if (kind.ends_with(".log") || storage::is_cut_file(name_of_file(path)))
    return dump_segment(files, path, options, console);
  if (kind.ends_with(".index")) return dump_offset_index(files, mode, printer, console.err);
  if (kind.ends_with(".timeindex")) return dump_time_index(files, mode, printer, console.err);
  if (kind.ends_with(".txnindex")) return dump_transaction_index(files, printer);
  if (kind.ends_with(".snapshot")) return dump_producer_snapshot(files, printer);
  if (is_small_file(path)) return dump_small_file(files, printer);
  return fail(ErrorCode::InvalidRequest,
              path +
                  ": must end with .log, .index, .timeindex, .txnindex or .snapshot, or be a "
                  "file of a log dir that has a name of its own");
}

void print_findings(const Verification& found, Console& console) {
  for (const Finding& finding : found.findings) {
    console.out << (finding.severity == Finding::Severity::Damage ? "DAMAGE " : "note ")
                << finding.file;
    if (finding.position) console.out << ", position " << *finding.position;
    console.out << ": " << finding.problem << '\n';
  }
  console.out << found.partitions << " partitions, " << found.segments << " segments, "
              << found.batches << " batches, " << found.bytes
              << " bytes: " << found.count(Finding::Severity::Damage) << " damages, "
              << found.count(Finding::Severity::Note) << " notes\n";
}

void print_findings_as_json(const Verification& found, Console& console) {
  boost::json::array findings;
  for (const Finding& finding : found.findings) {
    boost::json::object row{
        {"severity", finding.severity == Finding::Severity::Damage ? "damage" : "note"},
        {"file", finding.file},
        {"position", nullptr},
        {"problem", finding.problem}};
    if (finding.position) row["position"] = *finding.position;
    findings.push_back(std::move(row));
  }
  console.out << boost::json::serialize(boost::json::object{{"partitions", found.partitions},
                                                            {"segments", found.segments},
                                                            {"batches", found.batches},
                                                            {"bytes", found.bytes},
                                                            {"findings", std::move(findings)}})
              << '\n';
}

/// What --verify will read. What cannot be looked at is left out: the verifier tells of it.
std::uint64_t bytes_of_segments(const Arguments& arguments) {
  namespace fs = std::filesystem;
  std::uint64_t bytes = 0;
  for (const std::string& value : arguments.values("verify")) {
    for (const auto& directory : split_by_comma(value)) {
      std::error_code error;
      fs::recursive_directory_iterator at(directory, error);
      for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
        std::error_code unknown;
        const auto size = at->file_size(unknown);
        if (!unknown && at->path().extension() == ".log") bytes += size;
      }
    }
  }
  return bytes;
}

Result<> verify(const Arguments& arguments, Console& console) {
  env::PosixFileSystem files;
  Progress progress(console.err, console.err_columns, progress_clock(), "verifying",
                    bytes_of_segments(arguments));
  Verification found{.watcher = [&](const Verification& so_far) { progress.at(so_far.bytes); }};
  for (const std::string& value : arguments.values("verify")) {
    for (const auto& directory : split_by_comma(value)) {
      OTTLA_TRY_VOID(verify_directory(files, directory, found));
    }
  }
  progress.hide();
  arguments.has("json") ? print_findings_as_json(found, console) : print_findings(found, console);
  const std::size_t damages = found.count(Finding::Severity::Damage);
  if (damages == 0) return {};
  return fail(ErrorCode::CorruptMessage, std::to_string(damages) + " damages were found");
}

/// Of logs that Kafka has in other modes than with ZooKeeper.
Result<> check_log_exists(const Arguments& arguments) {
  if (arguments.has("cluster-metadata-decoder")) {
    return fail(
        ErrorCode::InvalidRequest,
        "--cluster-metadata-decoder: the log __cluster_metadata is KRaft's; the metadata of "
        "this cluster is in ZooKeeper: see `ottla zookeeper-shell`");
  }
  if (arguments.has("remote-log-metadata-decoder")) {
    return fail(
        ErrorCode::InvalidRequest,
        "--remote-log-metadata-decoder: there is no tiered storage, so no broker writes the "
        "log __remote_log_metadata");
  }
  return {};
}

Result<> run_dump_log(const Arguments& arguments, Console& console) {
  OTTLA_TRY_VOID(check_log_exists(arguments));
  if (arguments.has("verify")) {
    constexpr std::string_view kShowing[] = {"files", "print-data-log", "deep-iteration"};
    OTTLA_TRY_VOID(arguments.refuse_with("verify", kShowing));
    return verify(arguments, console);
  }
  if (!arguments.has("files")) {
    return fail(ErrorCode::InvalidRequest,
                "say what to read: --files a.log,b.index,.. or --verify DIR,..");
  }
  OTTLA_TRY_VOID(check_decoder(arguments, "value-decoder-class"));
  OTTLA_TRY_VOID(check_decoder(arguments, "key-decoder-class"));
  OTTLA_TRY(const auto max_bytes, arguments.number("max-bytes", 0));
  SegmentDumpOptions options;
  options.group_records = arguments.has("offsets-decoder");
  options.transaction_records = arguments.has("transaction-log-decoder");
  options.contents =
      arguments.has("print-data-log") || options.group_records || options.transaction_records;
  options.records = options.contents || arguments.has("deep-iteration");
  options.skip_record_metadata = arguments.has("skip-record-metadata");
  options.json = arguments.has("json");
  if (max_bytes) options.max_bytes = static_cast<std::uint64_t>(*max_bytes);

  env::PosixFileSystem files;
  Result<> first_error;
  for (const auto& path : split_by_comma(*arguments.value("files"))) {
    auto result = dump_file(files, path, options, index_mode(arguments), console);
    if (result) continue;
    // The other files are shown all the same.
    if (first_error)
      first_error = std::move(result);
    else
      console.err << result.error().describe() << '\n';
  }
  return first_error;
}

}  // namespace

const Tool kDumpLogTool{.name = "dump-log",
                        .summary = "show what stands in the files of a log directory",
                        .flags = kFlags,
                        .run = run_dump_log};

}  // namespace ottla::cli
