#include "common/protocol/frame.h"

#include <limits>
#include <utility>

#include "common/protocol/messages/header.h"

namespace ottla::protocol {

Result<RequestFrame> parse_request(MutableByteView frame) {
  Reader start(frame);
  OTTLA_TRY(const RequestHeader fixed, RequestHeader::decode(start, ApiVersion(0)));
  RequestFrame request{.api_key = fixed.request_api_key,
                       .info = find_api(fixed.request_api_key),
                       .version = ApiVersion(fixed.request_api_version),
                       .correlation_id = fixed.correlation_id,
                       .client_id = std::nullopt,
                       .body = {}};
  if (request.info == nullptr) return request;

  Reader in(frame);
  const ApiVersion version = request_header_version(request.info->key, request.version);
  OTTLA_TRY(RequestHeader header, RequestHeader::decode(in, version));
  if (version > ApiVersion(0)) request.client_id = std::move(header.client_id);
  request.body = frame.subspan(in.position());
  return request;
}

Result<ResponseFrame> parse_response(MutableByteView frame, ApiKey key, ApiVersion version) {
  Reader in(frame);
  OTTLA_TRY(const ResponseHeader header,
            ResponseHeader::decode(in, response_header_version(key, version)));
  return ResponseFrame{.correlation_id = header.correlation_id,
                       .body = frame.subspan(in.position())};
}

FrameWriter::FrameWriter() : size_(out_.reserve(sizeof(std::int32_t))) {}

FrameWriter FrameWriter::request(ApiKey key, ApiVersion version, std::int32_t correlation_id,
                                 const std::optional<std::string>& client_id) {
  FrameWriter frame;
  const RequestHeader header{.request_api_key = static_cast<std::int16_t>(key),
                             .request_api_version = version.value(),
                             .correlation_id = correlation_id,
                             .client_id = client_id};
  // A failure stays in the writer: `finish` tells it.
  (void)header.encode(frame.out_, request_header_version(key, version));
  return frame;
}

FrameWriter FrameWriter::response(ApiKey key, ApiVersion version, std::int32_t correlation_id) {
  FrameWriter frame;
  // A header of one number cannot fail.
  (void)ResponseHeader{.correlation_id = correlation_id}.encode(
      frame.out_, response_header_version(key, version));
  return frame;
}

Result<Payload> FrameWriter::finish() {
  OTTLA_TRY_VOID(out_.status());
  const std::uint64_t size = out_.size() - sizeof(std::int32_t);
  if (size > static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max())) {
    return fail(ErrorCode::MessageTooLarge, "a frame of " + std::to_string(size) + " bytes");
  }
  store_big_endian(size_, static_cast<std::int32_t>(size));
  return out_.finish();
}

}  // namespace ottla::protocol
