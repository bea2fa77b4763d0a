#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/payload.h"
#include "common/protocol/api.h"
#include "common/protocol/message.h"
#include "common/protocol/reader.h"
#include "common/protocol/writer.h"

/// Requests and responses as whole frames: header and body. The int32 size in front is written by
/// `encode_*`, and is not part of what `parse_*` gets.
namespace ottla::protocol {

/// A request whose body is not decoded yet; views into the frame.
struct RequestFrame {
  /// As the client wrote it; `info` is null when we do not know the API.
  std::int16_t api_key = 0;
  const ApiInfo* info = nullptr;
  ApiVersion version;
  std::int32_t correlation_id = 0;
  std::optional<std::string> client_id;  ///< Null in header v0, too, which has none.
  MutableByteView body;
};

/// Parses the request header. For an API that we do not know, only key, version and correlation
/// id are read, and `body` is empty: Kafka closes such a connection.
/// A version that we do not know passes: what to answer is the caller's to decide.
/// Errors: InvalidRequest.
[[nodiscard]] Result<RequestFrame> parse_request(MutableByteView frame);

struct ResponseFrame {
  std::int32_t correlation_id = 0;
  MutableByteView body;
};
/// Parses the response header; the reader of a response knows what was asked.
[[nodiscard]] Result<ResponseFrame> parse_response(MutableByteView frame, ApiKey key,
                                                   ApiVersion version);

/// Decodes a message that fills `bytes`. Like Kafka, ignores what stands behind it.
template <Message M>
[[nodiscard]] Result<M> decode(MutableByteView bytes, ApiVersion version) {
  Reader in(bytes);
  return M::decode(in, version);
}
/// The same from bytes nobody may write to; not for messages with `records`.
template <Message M>
[[nodiscard]] Result<M> decode(ByteView bytes, ApiVersion version) {
  Reader in(bytes);
  return M::decode(in, version);
}

/// Writes size and header; the body follows into the same writer.
class FrameWriter {
 public:
  static FrameWriter request(ApiKey key, ApiVersion version, std::int32_t correlation_id,
                             const std::optional<std::string>& client_id);
  static FrameWriter response(ApiKey key, ApiVersion version, std::int32_t correlation_id);

  [[nodiscard]] Writer& body() { return out_; }
  /// The frame, its size filled in. Errors: those of the body; MessageTooLarge above 2 GiB.
  [[nodiscard]] Result<Payload> finish();

 private:
  FrameWriter();

  Writer out_;
  std::byte* size_;
};

template <ApiMessage Request>
[[nodiscard]] Result<Payload> encode_request(const Request& request, ApiVersion version,
                                             std::int32_t correlation_id,
                                             const std::optional<std::string>& client_id) {
  FrameWriter frame = FrameWriter::request(Request::kKey, version, correlation_id, client_id);
  OTTLA_TRY_VOID(request.encode(frame.body(), version));
  return frame.finish();
}

template <ApiMessage Response>
[[nodiscard]] Result<Payload> encode_response(const Response& response, ApiVersion version,
                                              std::int32_t correlation_id) {
  FrameWriter frame = FrameWriter::response(Response::kKey, version, correlation_id);
  OTTLA_TRY_VOID(response.encode(frame.body(), version));
  return frame.finish();
}

/// The message alone, without size and header.
template <Message M>
[[nodiscard]] Result<Payload> encode(const M& message, ApiVersion version) {
  Writer out;
  OTTLA_TRY_VOID(message.encode(out, version));
  return out.finish();
}

/// Bytes that the message takes without size and header.
template <Message M>
[[nodiscard]] Result<std::uint64_t> encoded_size(const M& message, ApiVersion version) {
  Writer out;
  OTTLA_TRY_VOID(message.encode(out, version));
  return out.size();
}

}  // namespace ottla::protocol
