// SPDX-License-Identifier: MIT
// NonMaxSuppression and RoiAlign.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <string>

#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/families.h"
#include "quant/graph/operators/float_input.h"

namespace quant {
namespace {

struct Box {
  float left = 0;
  float top = 0;
  float right = 0;
  float bottom = 0;

  float area() const { return (right - left) * (bottom - top); }
};

// Corners in any order, (y1, x1, y2, x2); or (x_center, y_center, width, height).
Box read_box(const float* values, bool centered) {
  if (centered) {
    const float half_width = values[2] / 2;
    const float half_height = values[3] / 2;
    return {values[0] - half_width, values[1] - half_height, values[0] + half_width,
            values[1] + half_height};
  }
  return {std::min(values[1], values[3]), std::min(values[0], values[2]),
          std::max(values[1], values[3]), std::max(values[0], values[2])};
}

float intersection_over_union(const Box& a, const Box& b) {
  const float width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  if (width <= 0 || height <= 0 || a.area() <= 0 || b.area() <= 0) return 0;
  const float common = width * height;
  return common / (a.area() + b.area() - common);
}

template <typename T>
std::optional<T> scalar_input(std::span<const Tensor* const> inputs, std::size_t input) {
  if (input >= inputs.size() || inputs[input] == nullptr || inputs[input]->elements() == 0)
    return std::nullopt;
  return inputs[input]->data<T>()[0];
}

Result<std::vector<TensorType>> infer_suppression(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* boxes, float_input(context, 0));
  QUANT_TRY_ASSIGN(const TensorType* scores, float_input(context, 1));
  const Shape& box = boxes->shape;
  const Shape& score = scores->shape;
  if (box.size() != 3 || score.size() != 3 || !may_equal(box[2], 4) ||
      !may_equal(box[0], score[0]) || !may_equal(box[1], score[2])) {
    return fail(ErrorCode::kInvalidData, fmt::format("boxes {} and scores {} do not fit each other",
                                                     to_string(box), to_string(score)));
  }
  QUANT_TRY(check_type(context, 2, DataType::kInt64));
  QUANT_TRY(check_type(context, 3, DataType::kFloat32));
  QUANT_TRY(check_type(context, 4, DataType::kFloat32));
  return std::vector<TensorType>{{DataType::kInt64, Shape{-1, 3}}};
}

Status suppress(const Node& node, std::span<const Tensor* const> inputs,
                std::vector<Tensor>& outputs) {
  const bool centered = node.attributes.integer("center_point_box", 0) != 0;
  const std::int64_t limit = scalar_input<std::int64_t>(inputs, 2).value_or(0);
  const float overlap = scalar_input<float>(inputs, 3).value_or(0);
  const std::optional<float> threshold = scalar_input<float>(inputs, 4);
  const Shape& shape = inputs[1]->shape();
  const auto count = static_cast<std::size_t>(shape[2]);
  const float* scores = inputs[1]->data<float>().data();
  std::vector<std::int64_t> selected;
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    const float* const corners = inputs[0]->data<float>().data() + n * shape[2] * 4;
    for (std::int64_t c = 0; c < shape[1]; ++c, scores += count) {
      std::vector<std::size_t> order(count);
      std::iota(order.begin(), order.end(), std::size_t{0});
      // Not a number compares with nothing and would break the order.
      std::erase_if(order, [&](std::size_t i) {
        return std::isnan(scores[i]) || (threshold && !(scores[i] > *threshold));
      });
      std::stable_sort(order.begin(), order.end(),
                       [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
      std::vector<Box> kept;
      for (const std::size_t candidate : order) {
        if (static_cast<std::int64_t>(kept.size()) >= limit) break;
        const Box box = read_box(corners + candidate * 4, centered);
        const bool covered = std::any_of(kept.begin(), kept.end(), [&](const Box& other) {
          return intersection_over_union(box, other) > overlap;
        });
        if (covered) continue;
        kept.push_back(box);
        selected.insert(selected.end(), {n, c, static_cast<std::int64_t>(candidate)});
      }
    }
  }
  const auto rows = static_cast<std::int64_t>(selected.size() / 3);
  outputs.assign(1, Tensor::from<std::int64_t>({rows, 3}, selected));
  return {};
}

// The number of boxes is known only at the end, so this is no computed node.
class Suppression final : public PreparedNode {
 public:
  explicit Suppression(Node node) : node_(std::move(node)) {}
  Status run(std::span<const Tensor* const> inputs, std::vector<Tensor>& outputs) override {
    return suppress(node_, inputs, outputs);
  }

 private:
  Node node_;
};

Result<std::unique_ptr<PreparedNode>> prepare_suppression(const NodeContext& context) {
  QUANT_TRY(infer_suppression(context));
  return std::make_unique<Suppression>(context.node);
}

struct RoiSettings {
  bool maximum = false;
  float offset = 0;  // coordinate_transformation_mode half_pixel shifts by half a pixel
  std::int64_t height = 1;
  std::int64_t width = 1;
  std::int64_t sampling_ratio = 0;  // 0: as many samples as the region has pixels
  float spatial_scale = 1;
};

constexpr std::int64_t kMaxRoiOutput = 1 << 16;
// Of samples along one axis of one output element; hostile regions could ask for any number.
constexpr float kMaxSamples = 1024;

Result<RoiSettings> read_roi_settings(const Attributes& attributes) {
  RoiSettings settings;
  const std::string mode = attributes.text("mode", "avg");
  const std::string transformation =
      attributes.text("coordinate_transformation_mode", "half_pixel");
  if (mode != "avg" && mode != "max") {
    return fail(ErrorCode::kInvalidData,
                fmt::format("attribute mode has the unknown value '{}'", mode));
  }
  if (transformation != "half_pixel" && transformation != "output_half_pixel") {
    return fail(ErrorCode::kInvalidData,
                fmt::format("attribute coordinate_transformation_mode has the unknown value '{}'",
                            transformation));
  }
  settings.maximum = mode == "max";
  settings.offset = transformation == "half_pixel" ? 0.5F : 0.0F;
  settings.height = attributes.integer("output_height", 1);
  settings.width = attributes.integer("output_width", 1);
  settings.sampling_ratio = attributes.integer("sampling_ratio", 0);
  settings.spatial_scale = attributes.number("spatial_scale", 1);
  if (std::min(settings.height, settings.width) < 1 ||
      std::max(settings.height, settings.width) > kMaxRoiOutput || settings.sampling_ratio < 0 ||
      static_cast<float>(settings.sampling_ratio) > kMaxSamples) {
    return fail(ErrorCode::kOutOfRange,
                "attributes output_height, output_width or sampling_ratio are out of range");
  }
  return settings;
}

Result<std::vector<TensorType>> infer_roi_align(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* x, float_input(context, 0));
  QUANT_TRY_ASSIGN(const TensorType* rois, float_input(context, 1));
  QUANT_TRY_ASSIGN(const TensorType* batches, required_type<TypeList<std::int64_t>>(context, 2));
  QUANT_TRY_ASSIGN(const RoiSettings settings, read_roi_settings(context.node.attributes));
  if (x->shape.size() != 4 || rois->shape.size() != 2 || batches->shape.size() != 1 ||
      x->shape[2] == 0 || x->shape[3] == 0 || !may_equal(rois->shape[1], 4) ||
      !may_equal(rois->shape[0], batches->shape[0])) {
    return fail(
        ErrorCode::kInvalidData,
        fmt::format("image {}, regions {} and batch indices {} do not fit each other",
                    to_string(x->shape), to_string(rois->shape), to_string(batches->shape)));
  }
  Shape output{std::max(rois->shape[0], batches->shape[0]), x->shape[1], settings.height,
               settings.width};
  QUANT_TRY(check_size(output));
  return std::vector<TensorType>{{DataType::kFloat32, std::move(output)}};
}

// One bilinear reading of an image plane.
struct Sample {
  std::int64_t offset[4] = {};
  float weight[4] = {};
};

// Outside by more than a pixel reads 0; within that, the edge.
Sample sample_at(float y, float x, std::int64_t height, std::int64_t width) {
  Sample sample;
  if (!(y >= -1 && y <= static_cast<float>(height) && x >= -1 && x <= static_cast<float>(width)))
    return sample;
  y = std::clamp(y, 0.0F, static_cast<float>(height - 1));
  x = std::clamp(x, 0.0F, static_cast<float>(width - 1));
  const auto top = static_cast<std::int64_t>(y);
  const auto left = static_cast<std::int64_t>(x);
  const std::int64_t bottom = std::min(top + 1, height - 1);
  const std::int64_t right = std::min(left + 1, width - 1);
  const float down = y - static_cast<float>(top);
  const float across = x - static_cast<float>(left);
  return {{top * width + left, top * width + right, bottom * width + left, bottom * width + right},
          {(1 - down) * (1 - across), (1 - down) * across, down * (1 - across), down * across}};
}

std::int64_t sample_count(const RoiSettings& settings, float size, std::int64_t outputs) {
  if (settings.sampling_ratio > 0) return settings.sampling_ratio;
  const float wanted = std::ceil(size / static_cast<float>(outputs));
  return wanted > 0 ? static_cast<std::int64_t>(std::min(wanted, kMaxSamples)) : 0;
}

Status compute_roi_align(const NodeContext& context, std::span<Tensor> outputs) {
  QUANT_TRY_ASSIGN(const RoiSettings settings, read_roi_settings(context.node.attributes));
  const Shape& shape = context.types[0]->shape;
  const std::int64_t channels = shape[1];
  const std::int64_t plane = shape[2] * shape[3];
  const float* roi = context.constants[1]->data<float>().data();
  float* y = outputs[0].data<float>().data();
  for (const std::int64_t batch : context.constants[2]->data<std::int64_t>()) {
    if (batch < 0 || batch >= shape[0]) {
      return fail(ErrorCode::kOutOfRange, fmt::format("batch index {} is out of range", batch));
    }
    const auto scaled = [&](float value) {
      return value * settings.spatial_scale - settings.offset;
    };
    const float left = scaled(roi[0]);
    const float top = scaled(roi[1]);
    float width = scaled(roi[2]) - left;
    float height = scaled(roi[3]) - top;
    roi += 4;
    if (settings.offset == 0) {
      // The older mode makes every region at least one pixel large.
      width = std::max(width, 1.0F);
      height = std::max(height, 1.0F);
    }
    const float cell_height = height / static_cast<float>(settings.height);
    const float cell_width = width / static_cast<float>(settings.width);
    const std::int64_t rows = sample_count(settings, height, settings.height);
    const std::int64_t columns = sample_count(settings, width, settings.width);
    const float* const image =
        context.constants[0]->data<float>().data() + batch * channels * plane;
    const std::int64_t cells = settings.height * settings.width;
    std::vector<Sample> samples;
    for (std::int64_t cell = 0; cell < cells; ++cell) {
      samples.clear();
      const std::int64_t cell_row = cell / settings.width;
      for (std::int64_t row = 0; row < rows; ++row) {
        const float at_y = top + (static_cast<float>(cell_row) +
                                  (static_cast<float>(row) + 0.5F) / static_cast<float>(rows)) *
                                     cell_height;
        for (std::int64_t column = 0; column < columns; ++column) {
          const float at_x =
              left + (static_cast<float>(cell % settings.width) +
                      (static_cast<float>(column) + 0.5F) / static_cast<float>(columns)) *
                         cell_width;
          samples.push_back(sample_at(at_y, at_x, shape[2], shape[3]));
        }
      }
      for (std::int64_t c = 0; c < channels; ++c) {
        const float* const values = image + c * plane;
        float sum = 0;
        float best = 0;
        for (std::size_t i = 0; i < samples.size(); ++i) {
          for (int corner = 0; corner < 4; ++corner) {
            const float part = samples[i].weight[corner] * values[samples[i].offset[corner]];
            sum += part;
            // The specification takes the largest weighted corner, not the largest sample.
            best = i == 0 && corner == 0 ? part : std::max(best, part);
          }
        }
        const auto count = static_cast<float>(std::max<std::size_t>(1, samples.size()));
        y[c * cells + cell] = settings.maximum ? best : sum / count;
      }
    }
    y += channels * cells;
  }
  return {};
}

constexpr Operator kOperators[] = {
    {OpKind::kNonMaxSuppression, 2, 5, infer_suppression, prepare_suppression},
    computed_operator<infer_roi_align, compute_roi_align>(OpKind::kRoiAlign, 3, 3),
};

}  // namespace

std::span<const Operator> detection_operators() { return kOperators; }

}  // namespace quant
