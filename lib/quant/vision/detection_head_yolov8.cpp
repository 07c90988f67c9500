// SPDX-License-Identifier: MIT
#include "quant/vision/detection_heads.h"

namespace quant {
namespace {

constexpr double kUsualNmsIou = 0.7;
constexpr std::int64_t kBoxRows = 4;

class Yolov8Decoder final : public DetectionDecoder {
 public:
  explicit Yolov8Decoder(Description description) : DetectionDecoder(std::move(description)) {}

 protected:
  void collect(std::span<const Tensor> outputs, float score_threshold,
               std::vector<Detection>& found) const override {
    const auto values = outputs.front().data<float>();
    const std::size_t cells = values.size() / static_cast<std::size_t>(kBoxRows + classes());
    const auto row = [&](std::size_t index) { return values.subspan(index * cells, cells); };
    for (int label = 0; label < classes(); ++label) {
      const auto scores = row(static_cast<std::size_t>(kBoxRows + label));
      for (std::size_t i = 0; i < cells; ++i) {
        if (!(scores[i] >= score_threshold)) continue;
        const double x = row(0)[i];
        const double y = row(1)[i];
        const double half_width = row(2)[i] / 2.0;
        const double half_height = row(3)[i] / 2.0;
        found.push_back(
            {{x - half_width, y - half_height, x + half_width, y + half_height}, scores[i], label});
      }
    }
  }
};

}  // namespace

std::unique_ptr<DetectionDecoder> make_yolov8_decoder(std::span<const Shape> outputs,
                                                      const InputSpec& input) {
  const std::vector<OutputMatrix> matrices = output_matrices(outputs);
  std::int64_t cells = 0;
  for (const int stride : {8, 16, 32}) cells += grid_of(input, stride).cells();
  if (outputs.size() != 1 || matrices.size() != 1 || matrices[0].columns != cells ||
      matrices[0].rows <= kBoxRows)
    return nullptr;
  return std::make_unique<Yolov8Decoder>(
      Yolov8Decoder::Description{"yolov8",
                                 static_cast<int>(matrices[0].rows - kBoxRows),
                                 kUsualNmsIou,
                                 {outputs.begin(), outputs.end()}});
}

}  // namespace quant
