// SPDX-License-Identifier: MIT
// The picture that demo.sh leaves: a row of frames above a chart of SNR over time.
#include "picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

namespace quant::demo {
namespace {

// Everything is drawn twice as large and reduced at the end, which gives OpenCV's plain lines and
// letters smooth edges.
constexpr int kZoom = 2;
constexpr int kWidth = 1200 * kZoom;
constexpr int kMargin = 40 * kZoom;
constexpr int kTitleHeight = 84 * kZoom;
constexpr int kCaptionHeight = 66 * kZoom;
constexpr int kChartHeight = 320 * kZoom;
constexpr int kChartLeft = 64 * kZoom;
constexpr int kFooterHeight = 72 * kZoom;
constexpr int kGap = 16 * kZoom;
// The frame that the network sees (pipelines/models/README.md): radii are in its pixels.
constexpr double kNetworkWidth = 160;
constexpr double kNetworkHeight = 120;

// Blue, green, red.
const cv::Scalar kInk(48, 40, 36);
const cv::Scalar kFaint(150, 142, 136);
const cv::Scalar kGrid(232, 228, 224);
const cv::Scalar kFloatColour(190, 120, 20);
const cv::Scalar kQuantizedColour(20, 90, 235);
const cv::Scalar kLines[] = {
    {180, 105, 30}, {40, 110, 225}, {90, 150, 40}, {150, 60, 140}, {60, 60, 60}};

void text(cv::Mat& image, const std::string& words, cv::Point at, double size,
          const cv::Scalar& colour, int thickness = 1) {
  cv::putText(image, words, at, cv::FONT_HERSHEY_SIMPLEX, size * kZoom, colour, thickness * kZoom,
              cv::LINE_AA);
}

int text_width(const std::string& words, double size, int thickness = 1) {
  return cv::getTextSize(words, cv::FONT_HERSHEY_SIMPLEX, size * kZoom, thickness * kZoom, nullptr)
      .width;
}

void circle_of(cv::Mat& frame, const Ball& ball, int extra, const cv::Scalar& colour) {
  const double scale = frame.cols / kNetworkWidth;
  const cv::Point centre(cvRound((ball.x * kNetworkWidth + 0.5) * scale),
                         cvRound((ball.y * kNetworkHeight + 0.5) * scale));
  const int radius = std::max(1, cvRound(ball.radius * scale) + extra);
  cv::circle(frame, centre, radius, colour, 3 * kZoom, cv::LINE_AA);
  cv::drawMarker(frame, centre, colour, cv::MARKER_CROSS, 14 * kZoom, 2 * kZoom, cv::LINE_AA);
}

Status draw_snapshots(cv::Mat& page, const std::vector<Snapshot>& snapshots, cv::Point at,
                      cv::Size size) {
  for (const Snapshot& snapshot : snapshots) {
    const cv::Mat image = cv::imread(snapshot.file, cv::IMREAD_COLOR);
    if (image.empty()) return fail(ErrorCode::kNotFound, "the image cannot be read", snapshot.file);
    cv::Mat frame = page(cv::Rect(at, size));
    cv::resize(image, frame, size, 0, 0, cv::INTER_AREA);
    circle_of(frame, snapshot.original, 5 * kZoom, kFloatColour);
    circle_of(frame, snapshot.quantized, 10 * kZoom, kQuantizedColour);
    cv::rectangle(page, cv::Rect(at, size), kFaint, kZoom);

    const double dx = (snapshot.quantized.x - snapshot.original.x) * kNetworkWidth;
    const double dy = (snapshot.quantized.y - snapshot.original.y) * kNetworkHeight;
    text(page, fmt::format("{:.2f} s", snapshot.seconds),
         at + cv::Point(0, size.height + 22 * kZoom), 0.5, kInk);
    text(page, fmt::format("float and 8 bit: {:.2f} px apart", std::hypot(dx, dy)),
         at + cv::Point(0, size.height + 44 * kZoom), 0.45, kFaint);
    at.x += size.width + kGap;
  }
  return {};
}

// A chart's axes: from values to places on the page.
struct Axes {
  cv::Rect area;
  double seconds;  // at the right end
  double low_db;
  double high_db;

  cv::Point at(double second, double db) const {
    return {area.x + cvRound(second / seconds * area.width),
            area.y + area.height - cvRound((db - low_db) / (high_db - low_db) * area.height)};
  }
};

Axes axes_for(const std::vector<Record>& records, cv::Rect area) {
  double low = 1e9;
  double high = -1e9;
  for (const Record& record : records) {
    for (const OutputRecord& output : record.outputs) {
      if (const auto db = output.snr_db()) {
        low = std::min(low, *db);
        high = std::max(high, *db);
      }
    }
  }
  if (low > high) low = 0, high = 10;
  return {area, std::max(1.0, std::ceil(records.back().seconds)), std::floor((low - 1) / 5) * 5,
          std::ceil((high + 1) / 5) * 5};
}

void draw_grid(cv::Mat& page, const Axes& axes) {
  const int step_db = axes.high_db - axes.low_db > 40 ? 10 : 5;
  for (int db = static_cast<int>(axes.low_db); db <= axes.high_db; db += step_db) {
    cv::line(page, axes.at(0, db), axes.at(axes.seconds, db), kGrid, kZoom);
    const std::string label = std::to_string(db);
    text(page, label, axes.at(0, db) - cv::Point(text_width(label, 0.45) + 10 * kZoom, -5 * kZoom),
         0.45, kFaint);
  }
  const int step_s = std::max(1, static_cast<int>(std::ceil(axes.seconds / 12)));
  for (int s = 0; s <= axes.seconds; s += step_s) {
    const std::string label = std::to_string(s);
    text(page, label, axes.at(s, axes.low_db) + cv::Point(-text_width(label, 0.45) / 2, 20 * kZoom),
         0.45, kFaint);
  }
  text(page, "s", axes.at(axes.seconds, axes.low_db) + cv::Point(14 * kZoom, 20 * kZoom), 0.45,
       kFaint);
  text(page, "dB", axes.at(0, axes.high_db) - cv::Point(34 * kZoom, 16 * kZoom), 0.45, kFaint);
}

void draw_lines(cv::Mat& page, const Axes& axes, const std::vector<Record>& records) {
  Pool total;
  for (const Record& record : records) total.add(record);
  cv::Point legend(axes.area.x, axes.area.y - 16 * kZoom);
  for (std::size_t i = 0; i < total.outputs().size(); ++i) {
    const cv::Scalar& colour = kLines[i % std::size(kLines)];
    // A frame whose SNR has no value leaves a gap.
    std::vector<cv::Point> run;
    const auto flush = [&] {
      cv::polylines(page, run, false, colour, 2 * kZoom, cv::LINE_AA);
      run.clear();
    };
    for (const Record& record : records) {
      const auto db = i < record.outputs.size() ? record.outputs[i].snr_db() : std::nullopt;
      if (db) {
        run.push_back(axes.at(record.seconds, *db));
      } else if (!run.empty()) {
        flush();
      }
    }
    if (!run.empty()) flush();

    const OutputRecord& pooled = total.outputs()[i];
    const std::string label =
        pooled.snr_db() ? fmt::format("{}  {:.1f} dB overall", pooled.name, *pooled.snr_db())
                        : fmt::format("{}  identical or without signal", pooled.name);
    cv::line(page, legend - cv::Point(0, 5 * kZoom), legend + cv::Point(26 * kZoom, -5 * kZoom),
             colour, 4 * kZoom, cv::LINE_AA);
    text(page, label, legend + cv::Point(36 * kZoom, 0), 0.5, kInk);
    legend.x += text_width(label, 0.5) + 80 * kZoom;
  }
}

}  // namespace

Status draw_picture(const std::vector<Record>& records, const std::vector<Snapshot>& snapshots,
                    const std::string& path) {
  const int columns = std::max<int>(1, static_cast<int>(snapshots.size()));
  const cv::Size frame((kWidth - 2 * kMargin - (columns - 1) * kGap) / columns,
                       (kWidth - 2 * kMargin - (columns - 1) * kGap) / columns * 3 / 4);
  const int chart_top = kTitleHeight + frame.height + kCaptionHeight + 44 * kZoom;
  cv::Mat page(chart_top + kChartHeight + kFooterHeight, kWidth, CV_8UC3, cv::Scalar::all(255));

  text(page, "Signal to quantization noise, frame by frame", {kMargin, 36 * kZoom}, 0.8, kInk, 2);
  const std::string network = "The ball as the network sees it in float";
  text(page, network, {kMargin, 62 * kZoom}, 0.5, kFloatColour);
  text(page, "and in 8 bit", {kMargin + text_width(network + " ", 0.5), 62 * kZoom}, 0.5,
       kQuantizedColour);
  QUANT_TRY(draw_snapshots(page, snapshots, {kMargin, kTitleHeight}, frame));

  const Axes axes = axes_for(records, {kChartLeft + kMargin / 2, chart_top,
                                       kWidth - kChartLeft - 2 * kMargin, kChartHeight});
  draw_grid(page, axes);
  for (const Snapshot& snapshot : snapshots) {
    cv::line(page, axes.at(snapshot.seconds, axes.low_db), axes.at(snapshot.seconds, axes.high_db),
             kFaint, kZoom);
  }
  draw_lines(page, axes, records);
  text(
      page,
      fmt::format("{} frames measured live against {}{}", records.size(), records.front().reference,
                  records.front().independent ? "" : " (not independent)"),
      {axes.area.x, page.rows - 18 * kZoom}, 0.45, kFaint);

  cv::Mat reduced;
  cv::resize(page, reduced, {}, 1.0 / kZoom, 1.0 / kZoom, cv::INTER_AREA);
  try {
    if (cv::imwrite(path, reduced)) return {};
  } catch (const cv::Exception&) {
  }
  return fail(ErrorCode::kIo, "the picture cannot be written", path);
}

}  // namespace quant::demo
