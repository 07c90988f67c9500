// SPDX-License-Identifier: MIT
#include "quant/analyze/metric_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "quant/archive/json_field.h"
#include "quant/base/parse_number.h"

namespace quant {
namespace {

Status check_count(const std::string& name, std::size_t count, std::size_t images) {
  if (count == 1 || count == images) return {};
  return fail(ErrorCode::kInvalidData,
              fmt::format("{} numbers of {}: there is to be one, or one for each of the {} images",
                          count, name, images));
}

Result<std::vector<MetricValues>> parse_lines(std::string_view text, std::size_t images) {
  MetricValues metric{"metric", {}};
  std::size_t line = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line;
    if (part.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto value = parse_number(part);
    if (!value)
      return fail(ErrorCode::kInvalidData,
                  fmt::format("line {} is no finite number: '{}'", line, part.substr(0, 80)));
    metric.values.push_back(*value);
  }
  if (metric.values.empty()) return fail(ErrorCode::kInvalidData, "printed no number");
  QUANT_TRY(check_count("the metric", metric.values.size(), images));
  return std::vector<MetricValues>{std::move(metric)};
}

Result<std::vector<MetricValues>> parse_object(std::string_view text, std::size_t images) {
  QUANT_TRY_ASSIGN(const nlohmann::json document, parse_json(std::as_bytes(std::span(text))));
  std::vector<MetricValues> metrics;
  for (const auto& [name, value] : document.items()) {
    MetricValues metric{name, {}};
    for (const nlohmann::json& number : value.is_array() ? value : nlohmann::json::array({value})) {
      if (!number.is_number() || !std::isfinite(number.get<double>()))
        return fail(ErrorCode::kInvalidData,
                    fmt::format("'{}' is neither a number nor an array of numbers", name));
      metric.values.push_back(number.get<double>());
    }
    QUANT_TRY(check_count("'" + name + "'", metric.values.size(), images));
    metrics.push_back(std::move(metric));
  }
  if (metrics.empty()) return fail(ErrorCode::kInvalidData, "the object is empty");
  return metrics;
}

std::optional<double> weighted_mean(const std::vector<double>& values,
                                    std::span<const std::uint32_t> weights) {
  double sum = 0;
  double all = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    sum += values[i] * weights[i];
    all += weights[i];
  }
  if (all <= 0) return std::nullopt;
  return sum / all;
}

}  // namespace

Result<std::vector<MetricValues>> parse_metric_output(std::string_view text, std::size_t images) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{') return parse_object(text, images);
  return parse_lines(text, images);
}

Result<std::vector<EvaluatedFigure>> external_figures(
    std::span<const std::vector<MetricValues>> outputs, std::span<const std::string> contexts,
    std::size_t images, const BootstrapOptions& bootstrap) {
  std::vector<EvaluatedFigure> figures;
  if (outputs.empty()) return figures;
  const auto same = [](const MetricValues& a, const MetricValues& b) {
    return a.name == b.name && a.values.size() == b.values.size();
  };
  for (std::size_t c = 1; c < outputs.size(); ++c)
    if (!std::equal(outputs[0].begin(), outputs[0].end(), outputs[c].begin(), outputs[c].end(),
                    same))
      return fail(ErrorCode::kInvalidData, fmt::format("the metrics of {} and {} are not the same",
                                                       contexts[0], contexts[c]));
  for (std::size_t m = 0; m < outputs[0].size(); ++m) {
    EvaluatedFigure figure;
    figure.name = outputs[0][m].name;
    figure.is_share = false;
    std::vector<ResampledFigure> means;
    for (const std::vector<MetricValues>& output : outputs) {
      const std::vector<double>& values = output[m].values;
      const std::vector<std::uint32_t> once(values.size(), 1);
      figure.values.push_back(weighted_mean(values, once));
      means.emplace_back([&values](std::span<const std::uint32_t> weights) {
        return weighted_mean(values, weights);
      });
    }
    const bool by_image = images > 1 && outputs[0][m].values.size() == images;
    figure.intervals = paired_differences(by_image ? images : 0, means, bootstrap);
    figures.push_back(std::move(figure));
  }
  return figures;
}

}  // namespace quant
