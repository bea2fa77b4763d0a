// A drill's outcome as one HTML page: who led when, how long each acknowledgement took, what was
// done, and the counts. No scripts, nothing loaded from elsewhere.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "cli/drill_recording.h"

namespace ottla::cli {
namespace {

constexpr double kLeft = 90;
constexpr double kRight = 960;
constexpr double kRow = 26;
constexpr double kLatencyHeight = 180;
constexpr std::size_t kMostDots = 4000;

constexpr std::string_view kStyle = R"css(
:root { color-scheme: light dark; --ink: #1c2024; --dim: #667079; --paper: #fff; --line: #d8dee4;
  --bad: #c62828; --good: #2e7d32; --c0: #3b6fb6; --c1: #d9822b; --c2: #4c9a6a; --c3: #8e5bb5;
  --c4: #c2506a; --c5: #6b8e23; --none: #9aa3ab; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --dim: #98a2ab; --paper: #15181b;
  --line: #33393f; --bad: #ef6c6c; --good: #6fbf73; --c0: #6d9fe3; --c1: #e9a35b; --c2: #6fbf8d;
  --c3: #b48ad6; --c4: #e07f96; --c5: #a3c15a; --none: #59626a; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 1000px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; margin-bottom: 0; } h2 { font-size: 1.1em; margin-top: 2em; }
.dim { color: var(--dim); } .good { color: var(--good); } .bad { color: var(--bad); }
.verdict { font-size: 1.2em; font-weight: 600; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: right; padding: .25em .6em;
  border-bottom: 1px solid var(--line); } th { color: var(--dim); font-weight: 500; }
td.left, th.left { text-align: left; } svg { width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--dim); }
svg .bar { fill: #fff; font-weight: 600; } svg line { stroke: var(--line); }
svg .fault { stroke: var(--bad); stroke-dasharray: 4 3; }
svg .healed { stroke: var(--good); stroke-dasharray: 4 3; } svg .gap { fill: var(--bad);
  opacity: .18; } svg .dot { fill: var(--c0); opacity: .55; }
)css";

std::string escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

std::string number(double value) {
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%.1f", value);
  return text.data();
}

std::string line(double x1, double y1, double x2, double y2, const char* style = "") {
  return "<line x1='" + number(x1) + "' y1='" + number(y1) + "' x2='" + number(x2) + "' y2='" +
         number(y2) + "' class='" + style + "'/>\n";
}

std::string text_at(double x, double y, const std::string& text, const char* anchor = "start",
                    const char* style = "") {
  return "<text x='" + number(x) + "' y='" + number(y) + "' text-anchor='" + anchor + "' class='" +
         style + "'>" + escaped(text) + "</text>\n";
}

/// 1, 2 or 5 times a power of ten: about ten ticks.
double tick_seconds(double seconds) {
  const double rough = std::max(seconds / 10, 0.01);
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) return factor * power;
  }
  return 10 * power;
}

class Plot {
 public:
  Plot(const Recording& recording, const DrillSummary& summary)
      : recording_(recording),
        summary_(summary),
        end_(std::max<DrillTime>(recording.probing_ended, std::chrono::milliseconds(1))) {}

  [[nodiscard]] std::string svg() const {
    const double rows = static_cast<double>(summary_.partitions.size()) * kRow;
    const double latency_top = 40 + rows + 30;
    const double bottom = latency_top + kLatencyHeight;
    std::string svg = "<svg viewBox='0 0 1000 " + number(bottom + 30) +
                      "' role='img' aria-label='leaders and acknowledgements over time'>\n";
    svg += axis(bottom) + leader_rows() + latencies(latency_top, bottom) + marks(bottom);
    return svg + "</svg>\n";
  }

 private:
  [[nodiscard]] double x(DrillTime at) const {
    const double share =
        std::clamp(static_cast<double>(at.count()) / static_cast<double>(end_.count()), 0.0, 1.0);
    return kLeft + share * (kRight - kLeft);
  }

  [[nodiscard]] std::string axis(double bottom) const {
    const double seconds = static_cast<double>(end_.count()) / 1e6;
    const double step = tick_seconds(seconds);
    std::string svg = line(kLeft, bottom, kRight, bottom);
    for (int i = 0; i * step <= seconds; ++i) {
      const double at = kLeft + i * step / seconds * (kRight - kLeft);
      svg += line(at, bottom, at, bottom + 5);
      std::string label = number(i * step);
      if (label.ends_with(".0")) label.resize(label.size() - 2);
      svg += text_at(at, bottom + 20, label + " s", "middle");
    }
    return svg;
  }

  [[nodiscard]] std::string leader_rows() const {
    std::string svg;
    double y = 40;
    for (const auto& [number_of, partition] : summary_.partitions) {
      svg += text_at(kLeft - 8, y + 16, "partition " + std::to_string(number_of), "end");
      const auto& leaders = partition.leaders;
      for (std::size_t i = 0; i < leaders.size(); ++i) {
        const double from = x(i == 0 ? DrillTime{} : leaders[i].at);
        const double to = i + 1 < leaders.size() ? x(leaders[i + 1].at) : kRight;
        const std::string color =
            leaders[i].leader < 0 ? "none" : "c" + std::to_string(leaders[i].leader % 6);
        svg +=
            "<rect x='" + number(from) + "' y='" + number(y) + "' width='" +
            number(std::max(to - from, 1.0)) + "' height='" + number(kRow - 6) +
            "' rx='3' style='fill:var(--" + color + ")'><title>" +
            (leaders[i].leader < 0 ? "no leader" : "leader " + std::to_string(leaders[i].leader)) +
            ", leader epoch " + std::to_string(leaders[i].leader_epoch) + "</title></rect>\n";
        if (to - from > 70 && leaders[i].leader >= 0) {
          svg += text_at((from + to) / 2, y + 14,
                         std::to_string(leaders[i].leader) + " (epoch " +
                             std::to_string(leaders[i].leader_epoch) + ")",
                         "middle", "bar");
        }
      }
      const Gap& gap = partition.longest_gap;
      svg += "<rect class='gap' x='" + number(x(gap.begin)) + "' y='" + number(y - 3) +
             "' width='" + number(std::max(x(gap.end) - x(gap.begin), 1.0)) + "' height='" +
             number(kRow) + "'><title>not writable for " + drill_time_text(gap.length()) +
             "</title></rect>\n";
      y += kRow;
    }
    return svg;
  }

  /// Each acknowledgement as a dot, the time it took on a logarithmic scale.
  [[nodiscard]] std::string latencies(double top, double bottom) const {
    DrillTime longest = std::chrono::milliseconds(10);
    for (const Probe& probe : recording_.probes) {
      if (probe.acknowledged) longest = std::max(longest, *probe.acknowledged - probe.sent);
    }
    const double decades = std::ceil(std::log10(static_cast<double>(longest.count())));
    const auto y = [&](double us) {
      return bottom - std::log10(std::max(us, 100.0) / 100.0) / (decades - 2) * (bottom - top);
    };
    std::string svg = text_at(kLeft - 8, top - 8, "time to ack", "end");
    for (double decade = 3; decade <= decades; ++decade) {
      const double at = y(std::pow(10, decade));
      svg += line(kLeft, at, kRight, at);
      const double value = std::pow(10, decade - 3);
      svg += text_at(kLeft - 8, at + 4,
                     value < 1000 ? std::to_string(static_cast<int>(value)) + " ms"
                                  : std::to_string(static_cast<int>(value / 1000)) + " s",
                     "end");
    }
    const std::size_t step = recording_.probes.size() / kMostDots + 1;
    const DrillTime always = summary_.usual_ack * 5;
    for (std::size_t i = 0; i < recording_.probes.size(); ++i) {
      const Probe& probe = recording_.probes[i];
      if (!probe.acknowledged) continue;
      const DrillTime took = *probe.acknowledged - probe.sent;
      if (i % step != 0 && took < always) continue;
      svg += "<circle class='dot' cx='" + number(x(probe.sent)) + "' cy='" +
             number(y(static_cast<double>(took.count()))) + "' r='1.8'/>\n";
    }
    return svg;
  }

  [[nodiscard]] std::string marks(double bottom) const {
    std::string svg;
    double last_label = -1000;
    for (const Mark& mark : recording_.marks) {
      if (mark.kind == MarkKind::Note) continue;
      const bool fault = mark.kind == MarkKind::Fault;
      const double at = x(mark.at);
      svg += line(at, 22, at, bottom, fault ? "fault" : "healed");
      if (at - last_label < 60) continue;
      last_label = at;
      svg += text_at(at, 16, fault ? "fault" : "healed", "middle");
    }
    return svg;
  }

  const Recording& recording_;
  const DrillSummary& summary_;
  const DrillTime end_;
};

std::string counts_table(const DrillSummary& summary) {
  std::string html =
      "<table><tr><th class='left'>partition</th><th>acknowledged</th><th>read</th><th>lost</th>"
      "<th>doubled</th><th>reordered</th><th>refused</th><th>longest time not writable</th></tr>\n";
  const auto row = [&](const std::string& name, const PartitionSummary& partition) {
    html += "<tr><td class='left'>" + name + "</td>";
    for (const std::int64_t count :
         {partition.acknowledged, partition.read, partition.lost, partition.duplicated,
          partition.reordered, partition.refused}) {
      html += "<td>" + std::to_string(count) + "</td>";
    }
    html += "<td>" + drill_time_text(partition.longest_gap.length()) + "</td></tr>\n";
  };
  for (const auto& [number_of, partition] : summary.partitions) {
    row(std::to_string(number_of), partition);
  }
  row("all", summary.total);
  return html + "</table>\n";
}

}  // namespace

std::string to_html(const Recording& recording, const DrillSummary& summary) {
  std::string targets;
  for (const std::int32_t broker : recording.targets) {
    targets += (targets.empty() ? "" : ", ") + std::to_string(broker);
  }
  std::string html =
      "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>\n"
      "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
      "<title>Drill: " +
      escaped(recording.drill) + "</title>\n<style>";
  html += kStyle;
  html += "</style></head><body>\n<h1>Drill: " + escaped(recording.drill) + "</h1>\n";
  html += "<p class='dim'>broker " + targets + ", topic " + escaped(recording.topic) + "</p>\n";
  html += summary.passed()
              ? "<p class='verdict good'>Passed: nothing acknowledged was lost; longest time "
                "without a writable leader " +
                    drill_time_text(summary.total.longest_gap.length()) + "</p>\n"
              : "<p class='verdict bad'>Not passed</p>\n";
  if (!summary.passed()) {
    html += "<ul>";
    for (const std::string& fault : summary.faults) html += "<li>" + escaped(fault) + "</li>\n";
    html += "</ul>\n";
  }
  html += "<h2>Leaders and acknowledgements</h2>\n" + Plot(recording, summary).svg();
  html += "<h2>Records</h2>\n" + counts_table(summary);
  html += "<h2>Timeline</h2>\n<table>";
  for (const Mark& mark : timeline(recording)) {
    const char* const style = mark.kind == MarkKind::Fault    ? " bad"
                              : mark.kind == MarkKind::Healed ? " good"
                                                              : "";
    html += "<tr><td>" + drill_time_text(mark.at) + "</td><td class='left" + style + "'>" +
            escaped(mark.text) + "</td></tr>\n";
  }
  return html + "</table>\n</body></html>\n";
}

}  // namespace ottla::cli
