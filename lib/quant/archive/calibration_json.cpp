// SPDX-License-Identifier: MIT
#include "quant/archive/calibration_json.h"

#include <limits>

namespace quant {
namespace {

using nlohmann::json;

json range_to_json(float min, float max) {
  return json::array({float_to_json(min), float_to_json(max)});
}

Status read_range(const JsonField& parent, const std::string& name, float& min, float& max) {
  QUANT_TRY_ASSIGN(const JsonField field, parent.at(name));
  QUANT_TRY_ASSIGN(const std::vector<float> ends, field.numbers());
  if (ends.size() != 2) return field.wrong("is not two numbers");
  min = ends[0];
  max = ends[1];
  return {};
}

Result<std::int64_t> read_count(const JsonField& parent, const std::string& name) {
  QUANT_TRY_ASSIGN(const JsonField field, parent.at(name));
  return field.integer(0, std::numeric_limits<std::int64_t>::max());
}

}  // namespace

json calibration_to_json(const CalibrationStatistics& calibration) {
  json tensors = json::object();
  for (const auto& [name, statistics] : calibration.tensors) {
    tensors[name] = {{"seen", range_to_json(statistics.seen_min, statistics.seen_max)},
                     {"chosen", range_to_json(statistics.chosen_min, statistics.chosen_max)}};
  }
  return {{"method", calibration.method},
          {"images", calibration.images},
          {"skipped", json(calibration.skipped)},
          {"repeated", calibration.repeated},
          {"single_color", calibration.single_color},
          {"tensors", std::move(tensors)}};
}

Result<CalibrationStatistics> calibration_from_json(const JsonField& field) {
  CalibrationStatistics calibration;
  QUANT_TRY_ASSIGN(const JsonField method, field.at("method"));
  QUANT_TRY_ASSIGN(calibration.method, method.text());
  QUANT_TRY_ASSIGN(calibration.images, read_count(field, "images"));
  QUANT_TRY_ASSIGN(const JsonField skipped, field.at("skipped"));
  QUANT_TRY_ASSIGN(calibration.skipped, skipped.texts());
  QUANT_TRY_ASSIGN(calibration.repeated, read_count(field, "repeated"));
  QUANT_TRY_ASSIGN(calibration.single_color, read_count(field, "single_color"));
  QUANT_TRY_ASSIGN(const JsonField tensors, field.at("tensors"));
  QUANT_TRY_ASSIGN(const auto members, tensors.members());
  for (const auto& [name, tensor] : members) {
    TensorStatistics& statistics = calibration.tensors[name];
    QUANT_TRY(read_range(tensor, "seen", statistics.seen_min, statistics.seen_max));
    QUANT_TRY(read_range(tensor, "chosen", statistics.chosen_min, statistics.chosen_max));
  }
  return calibration;
}

}  // namespace quant
