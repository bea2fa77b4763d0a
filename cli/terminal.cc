#include "cli/terminal.h"

#include <charconv>
#include <string>

#include <sys/ioctl.h>
#include <unistd.h>

namespace ottla::cli {
namespace {

/// Of a terminal that does not know, as one over a serial line.
constexpr std::size_t kUsualColumns = 80;

}  // namespace

std::optional<std::size_t> terminal_columns(int descriptor, const Environment& environment) {
  if (isatty(descriptor) == 0) return std::nullopt;
  if (const auto text = environment("COLUMNS")) {
    std::size_t columns = 0;
    const char* const end = text->data() + text->size();
    const auto parsed = std::from_chars(text->data(), end, columns);
    if (parsed.ec == std::errc() && parsed.ptr == end && columns > 0) return columns;
  }
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return kUsualColumns;
}

}  // namespace ottla::cli
