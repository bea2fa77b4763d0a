#include "cli/segment_dump.h"

#include <string_view>
#include <utility>

#include <boost/json.hpp>

#include "cli/group_record_text.h"
#include "cli/progress.h"
#include "cli/segment_file.h"
#include "cli/transaction_record_text.h"
#include "common/record/control_record.h"
#include "common/record/message_set.h"
#include "common/record/records.h"

namespace ottla::cli {
namespace {

namespace json = boost::json;

std::string_view timestamp_name(record::TimestampType type) {
  switch (type) {
    case record::TimestampType::None:
      return "NoTimestampType";
    case record::TimestampType::CreateTime:
      return "CreateTime";
    case record::TimestampType::LogAppendTime:
      return "LogAppendTime";
  }
  return "NoTimestampType";
}

const char* text_of(bool value) {
  return value ? "true" : "false";
}

std::int64_t size_of(const std::optional<ByteView>& bytes) {
  return bytes ? static_cast<std::int64_t>(bytes->size()) : -1;
}

/// One record of any format, and what only some formats have.
struct ShownRecord {
  record::Record record;
  std::optional<std::uint32_t> crc;  ///< Formats 0 and 1.
  bool valid = true;                 ///< Formats 0 and 1.
};

/// Takes batches and records in the order of the file.
class Printer {
 public:
  Printer() = default;
  Printer(const Printer&) = delete;
  Printer& operator=(const Printer&) = delete;
  virtual ~Printer() = default;
  virtual void begin_batch(const SegmentFile::Batch& batch) = 0;
  virtual void add_record(const SegmentFile::Batch& batch, const ShownRecord& shown) = 0;
  virtual void end_batch() = 0;
};

class TextPrinter final : public Printer {
 public:
  TextPrinter(const SegmentDumpOptions& options, std::ostream& out)
      : options_(options), out_(out) {}

  void begin_batch(const SegmentFile::Batch& batch) override {
    const auto& view = batch.view;
    if (view.is_legacy()) {
      out_ << "offset: " << view.last_offset();
    } else {
      out_ << "baseOffset: " << view.base_offset() << " lastOffset: " << view.last_offset()
           << " count: " << view.record_count().value_or(0)
           << " baseSequence: " << view.base_sequence() << " lastSequence: " << view.last_sequence()
           << " producerId: " << view.producer_id() << " producerEpoch: " << view.producer_epoch()
           << " partitionLeaderEpoch: " << view.leader_epoch()
           << " isTransactional: " << text_of(view.is_transactional())
           << " isControl: " << text_of(view.is_control()) << " deleteHorizonMs: ";
      if (const auto horizon = view.delete_horizon_ms())
        out_ << "OptionalLong[" << *horizon << ']';
      else
        out_ << "OptionalLong.empty";
    }
    out_ << " position: " << batch.position << ' ' << timestamp_name(view.timestamp_type()) << ": "
         << view.max_timestamp() << " size: " << view.size() << " magic: " << int{view.magic()}
         << " compresscodec: " << record::name_of(view.codec()) << " crc: " << view.crc()
         << " isvalid: " << text_of(view.validate_crc()) << '\n';
  }

  void add_record(const SegmentFile::Batch& batch, const ShownRecord& shown) override {
    const auto& record = shown.record;
    if (!options_.skip_record_metadata) {
      out_ << "| offset: " << record.offset << ' ' << timestamp_name(batch.view.timestamp_type())
           << ": " << record.timestamp << " keySize: " << size_of(record.key)
           << " valueSize: " << size_of(record.value);
      if (shown.crc) {
        // The brace stands in the output of Kafka's tool, too.
        out_ << " isValid: " << text_of(shown.valid) << " crc: " << *shown.crc << '}';
      } else {
        out_ << " sequence: " << record.sequence << " headerKeys: [";
        const char* separator = "";
        for (const auto& header : record.headers) {
          out_ << separator << header.key;
          separator = ",";
        }
        out_ << ']';
      }
      if (batch.view.is_control()) add_marker(batch.view);
    }
    if (options_.contents && !batch.view.is_control()) {
      const char* indent = options_.skip_record_metadata ? "| " : " ";
      if (options_.group_records) {
        const GroupRecordText text = group_record_text(record.key, record.value);
        out_ << indent << "key: " << text.key << " payload: " << text.payload;
      } else if (options_.transaction_records) {
        const TransactionRecordText text = transaction_record_text(record.key, record.value);
        out_ << indent << "key: " << text.key;
        if (text.payload) out_ << " payload: " << *text.payload;
      } else {
        if (record.key) out_ << indent << "key: " << as_text(*record.key);
        if (record.value) out_ << " payload: " << as_text(*record.value);
      }
    }
    out_ << '\n';
  }

  void end_batch() override {}

 private:
  void add_marker(const record::RecordBatchView& view) {
    const auto marker = record::end_transaction_marker(view);
    if (!marker) {
      out_ << " controlType: unknown";
      return;
    }
    out_ << " endTxnMarker: " << (marker->type == record::ControlType::Commit ? "COMMIT" : "ABORT")
         << " coordinatorEpoch: " << marker->coordinator_epoch;
  }

  const SegmentDumpOptions& options_;
  std::ostream& out_;
};

class JsonPrinter final : public Printer {
 public:
  JsonPrinter(const SegmentDumpOptions& options, std::string path, std::ostream& out)
      : options_(options), path_(std::move(path)), out_(out) {}

  void begin_batch(const SegmentFile::Batch& batch) override {
    const auto& view = batch.view;
    batch_ = {{"file", path_},
              {"baseOffset", view.base_offset().value()},
              {"lastOffset", view.last_offset().value()},
              {"position", batch.position},
              {"size", view.size()},
              {"magic", view.magic()},
              {"codec", record::name_of(view.codec())},
              {"crc", view.crc()},
              {"valid", view.validate_crc()},
              {"timestampType", timestamp_name(view.timestamp_type())},
              {"maxTimestamp", view.max_timestamp()}};
    if (!view.is_legacy()) {
      batch_["count"] = view.record_count().value_or(0);
      batch_["partitionLeaderEpoch"] = view.leader_epoch().value();
      batch_["producerId"] = view.producer_id().value();
      batch_["producerEpoch"] = view.producer_epoch().value();
      batch_["baseSequence"] = view.base_sequence();
      batch_["transactional"] = view.is_transactional();
      batch_["control"] = view.is_control();
      if (const auto horizon = view.delete_horizon_ms()) batch_["deleteHorizonMs"] = *horizon;
    }
  }

  void add_record(const SegmentFile::Batch&, const ShownRecord& shown) override {
    const auto& record = shown.record;
    const auto content = [](const std::optional<ByteView>& bytes) -> json::value {
      if (!bytes) return nullptr;
      return json::string(as_text(*bytes));
    };
    json::array headers;
    for (const auto& header : record.headers) headers.emplace_back(header.key);
    json::object object{{"offset", record.offset.value()},
                        {"timestamp", record.timestamp},
                        {"keySize", size_of(record.key)},
                        {"valueSize", size_of(record.value)},
                        {"headerKeys", std::move(headers)}};
    if (options_.group_records) {
      const GroupRecordText text = group_record_text(record.key, record.value);
      object["key"] = text.key;
      object["value"] = text.payload;
    } else if (options_.transaction_records) {
      const TransactionRecordText text = transaction_record_text(record.key, record.value);
      object["key"] = text.key;
      if (text.payload) object["value"] = *text.payload;
    } else if (options_.contents) {
      object["key"] = content(record.key);
      object["value"] = content(record.value);
    }
    records_.push_back(std::move(object));
  }

  void end_batch() override {
    if (options_.records) batch_["records"] = std::exchange(records_, {});
    out_ << json::serialize(batch_) << '\n';
  }

 private:
  const SegmentDumpOptions& options_;
  const std::string path_;
  std::ostream& out_;
  json::object batch_;
  json::array records_;
};

Result<> print_old_messages(const SegmentFile::Batch& batch, Printer& printer) {
  const auto print_one = [&](const record::RecordBatchView& message, Offset offset,
                             std::int64_t timestamp) -> Result<> {
    OTTLA_TRY(const auto content, record::parse_message(message));
    ShownRecord shown;
    shown.record.offset = offset;
    shown.record.timestamp = timestamp;
    shown.record.key = content.key;
    shown.record.value = content.value;
    shown.crc = message.crc();
    shown.valid = message.validate_crc();
    printer.add_record(batch, shown);
    return {};
  };
  if (!batch.view.is_compressed()) {
    return print_one(batch.view, batch.view.base_offset(), batch.view.max_timestamp());
  }
  OTTLA_TRY(auto inside, record::WrappedMessages::open(batch.view, record::kDefaultBufferLimit));
  for (;;) {
    OTTLA_TRY(const auto message, inside.next());
    if (!message) return {};
    OTTLA_TRY_VOID(
        print_one(*message, inside.absolute_offset(*message), inside.timestamp(*message)));
  }
}

Result<> print_records(const SegmentFile::Batch& batch, Printer& printer) {
  if (batch.view.is_legacy()) return print_old_messages(batch, printer);
  OTTLA_TRY(auto reader, record::RecordReader::open(batch.view));
  ShownRecord shown;
  for (;;) {
    OTTLA_TRY(const bool more, reader.next(shown.record));
    if (!more) return {};
    printer.add_record(batch, shown);
  }
}

}  // namespace

Result<> dump_segment(env::FileSystem& files, const std::string& path,
                      const SegmentDumpOptions& options, Console& console) {
  OTTLA_TRY(const Offset base, base_offset_of(path));
  OTTLA_TRY(auto segment, SegmentFile::open(files, path));
  if (!options.json) console.out << "Log starting offset: " << base << '\n';
  TextPrinter text(options, console.out);
  JsonPrinter json(options, path, console.out);
  Printer& printer = options.json ? static_cast<Printer&>(json) : text;
  Progress progress(console.err, columns_beside_output(console), progress_clock(),
                    "reading " + path.substr(path.rfind('/') + 1), segment.size());
  bool cut_short = false;
  for (;;) {
    cut_short = options.max_bytes && segment.position() >= *options.max_bytes;
    if (cut_short) break;
    OTTLA_TRY(const auto batch, segment.next());
    if (!batch) break;
    progress.at(segment.position());
    printer.begin_batch(*batch);
    if (options.records) {
      if (const auto result = print_records(*batch, printer); !result) {
        console.err << path << ", position " << batch->position << ": " << result.error().describe()
                    << '\n';
      }
    }
    printer.end_batch();
  }
  if (!cut_short && segment.position() < segment.size()) {
    (options.json ? console.err : console.out)
        << "Found " << segment.size() - segment.position() << " invalid bytes at the end of "
        << path.substr(path.rfind('/') + 1) << '\n';
  }
  return {};
}

}  // namespace ottla::cli
