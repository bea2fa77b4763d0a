#include "common/record/format.h"

namespace ottla::record {

std::string_view name_of(Codec codec) {
  switch (codec) {
    case Codec::None:
      return "none";
    case Codec::Gzip:
      return "gzip";
    case Codec::Snappy:
      return "snappy";
    case Codec::Lz4:
      return "lz4";
    case Codec::Zstd:
      return "zstd";
  }
  return "unknown";
}

std::optional<Codec> codec_from_name(std::string_view name) {
  if (name == "none" || name == "uncompressed") return Codec::None;
  if (name == "gzip") return Codec::Gzip;
  if (name == "snappy") return Codec::Snappy;
  if (name == "lz4") return Codec::Lz4;
  if (name == "zstd") return Codec::Zstd;
  return std::nullopt;
}

}  // namespace ottla::record
