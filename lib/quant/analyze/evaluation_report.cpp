// SPDX-License-Identifier: MIT
// Printing only: every figure was made in evaluation.cpp.
#include "quant/analyze/evaluation_report.h"

#include <fmt/format.h>

#include <algorithm>

namespace quant {
namespace {

using Json = nlohmann::ordered_json;

double unit_of(const EvaluatedFigure& figure) { return figure.is_share ? 100 : 1; }

std::optional<double> difference(const EvaluatedFigure& figure, std::size_t context) {
  if (!figure.values[context] || !figure.values[0]) return std::nullopt;
  return *figure.values[context] - *figure.values[0];
}

std::string value_text(const EvaluatedFigure& figure, std::optional<double> value) {
  if (!value) return "-";
  return figure.is_share ? fmt::format("{:.2f}", 100 * *value) : fmt::format("{:.6g}", *value);
}

std::string signed_text(const EvaluatedFigure& figure, double value) {
  return figure.is_share ? fmt::format("{:+.2f}", 100 * value) : fmt::format("{:+.4g}", value);
}

std::string count(std::int64_t number, const char* one, const char* many) {
  return fmt::format("{} {}", number, number == 1 ? one : many);
}

std::string context_line(const EvaluatedFigure& figure, std::size_t c, const std::string& context,
                         std::size_t figure_width, std::size_t context_width) {
  std::string difference_text;
  std::string interval_text;
  if (c > 0) {
    const auto delta = difference(figure, c);
    difference_text = delta ? signed_text(figure, *delta) : "-";
    interval_text = "-";
    if (const auto& interval = figure.intervals[c - 1])
      interval_text = fmt::format("{} .. {}", signed_text(figure, interval->low),
                                  signed_text(figure, interval->high));
  }
  std::string line = fmt::format(
      "{:<{}}  {:<{}}  {:>10}  {:>10}  {}", c == 0 ? figure.name : "", figure_width, context,
      context_width, value_text(figure, figure.values[c]), difference_text, interval_text);
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string left_out_text(const EvaluationReport& report) {
  std::string text;
  if (!report.left_out.empty())
    text +=
        fmt::format("left out: {}, without usable ground truth\n",
                    count(static_cast<std::int64_t>(report.left_out.size()), "image", "images"));
  for (const auto& [name, boxes] : report.unknown_boxes)
    text += fmt::format("left out: {} of class {}, which is in no list of classes\n",
                        count(boxes, "box", "boxes"), name);
  if (report.truth_unused > 0)
    text += fmt::format("not used: ground truth of {}\n",
                        count(report.truth_unused, "further image", "further images"));
  return text;
}

Json number_or_null(std::optional<double> value, double unit) {
  return value ? Json(*value * unit) : Json();
}

Json figure_json(const EvaluatedFigure& figure, const std::vector<std::string>& names) {
  const double unit = unit_of(figure);
  Json contexts = Json::array();
  for (std::size_t c = 0; c < names.size(); ++c) {
    Json context = {{"name", names[c]}, {"value", number_or_null(figure.values[c], unit)}};
    if (c > 0) {
      const auto& interval = figure.intervals[c - 1];
      context["difference"] = number_or_null(difference(figure, c), unit);
      context["low"] = interval ? Json(interval->low * unit) : Json();
      context["high"] = interval ? Json(interval->high * unit) : Json();
    }
    contexts.push_back(std::move(context));
  }
  return {{"name", figure.name},
          {"unit", figure.is_share ? "%" : ""},
          {"contexts", std::move(contexts)}};
}

Json class_json(const EvaluatedClass& of_class, const std::vector<std::string>& names) {
  Json contexts = Json::array();
  for (std::size_t c = 0; c < names.size(); ++c)
    contexts.push_back({{"name", names[c]},
                        {"ap50", 100 * of_class.ap50[c]},
                        {"ap50_95", 100 * of_class.ap50_95[c]}});
  return {{"name", of_class.name}, {"boxes", of_class.boxes}, {"contexts", std::move(contexts)}};
}

Json remarks_json(const std::vector<ImageRemark>& remarks, const char* key) {
  Json list = Json::array();
  for (const ImageRemark& remark : remarks)
    list.push_back({{"image", remark.image}, {key, remark.text}});
  return list;
}

}  // namespace

std::string to_text(const EvaluationReport& report) {
  std::string text;
  if (!report.task.empty()) text += fmt::format("{}: {}\n", report.task, report.method);
  text += count(report.images, "image", "images");
  if (!report.classes.empty())
    text +=
        fmt::format(", {} of {}", count(report.boxes, "box", "boxes"),
                    count(static_cast<std::int64_t>(report.classes.size()), "class", "classes"));
  text += "\n" + left_out_text(report);

  std::size_t figure_width = 0;
  std::size_t context_width = std::string("context").size();
  bool shares = false;
  for (const EvaluatedFigure& figure : report.figures) {
    figure_width = std::max(figure_width, figure.name.size());
    shares = shares || figure.is_share;
  }
  for (const std::string& context : report.contexts)
    context_width = std::max(context_width, context.size());
  const bool compared = report.contexts.size() > 1;
  text += fmt::format("\n{:<{}}  {:<{}}  {:>10}", "", figure_width, "context", context_width,
                      shares ? "%" : "value");
  if (compared)
    text +=
        fmt::format("  {:>10}  {:g} % interval", "difference", 100 * report.bootstrap.confidence);
  text += "\n";
  for (const EvaluatedFigure& figure : report.figures)
    for (std::size_t c = 0; c < report.contexts.size(); ++c)
      text += context_line(figure, c, report.contexts[c], figure_width, context_width);
  if (compared)
    text += fmt::format(
        "\nDifferences to {}{}; intervals by a paired bootstrap over images ({} resamples, seed "
        "{}).\n",
        report.contexts.front(), shares ? " in points" : "", report.bootstrap.resamples,
        report.bootstrap.seed);
  if (report.task == "classification")
    text +=
        fmt::format("One image is {:.2f} points.\n", 100.0 / static_cast<double>(report.images));
  return text;
}

nlohmann::ordered_json to_json(const EvaluationReport& report) {
  Json figures = Json::array();
  for (const EvaluatedFigure& figure : report.figures)
    figures.push_back(figure_json(figure, report.contexts));
  Json classes = Json::array();
  for (const EvaluatedClass& of_class : report.classes)
    classes.push_back(class_json(of_class, report.contexts));
  return {{"task", report.task},
          {"method", report.method},
          {"images", report.images},
          {"boxes", report.boxes},
          {"contexts", report.contexts},
          {"confidence", report.bootstrap.confidence},
          {"resamples", report.bootstrap.resamples},
          {"seed", report.bootstrap.seed},
          {"figures", std::move(figures)},
          {"classes", std::move(classes)},
          {"left_out", remarks_json(report.left_out, "reason")},
          {"remarks", remarks_json(report.remarks, "remark")},
          {"unknown_boxes", report.unknown_boxes},
          {"truth_unused", report.truth_unused}};
}

}  // namespace quant
