// SPDX-License-Identifier: MIT
// The differentiable twin of a quantized model: the integer graph in float32, every value rounded
// where the emulator rounds, with gradients for weights, biases and ranges. Includes torch: only
// sources of fine-tuning do.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <string>
#include <vector>

#include "quant/graph/quantized_model.h"
#include "quant/optimize/layer_plan.h"
#include "quant/optimize/tuned_model.h"

namespace quant::tuning {

enum class ParameterKind { kWeights, kBias, kRange };

struct Parameter {
  ParameterKind kind = ParameterKind::kWeights;
  at::Tensor value;  // a leaf that wants gradients
  // What counts as one step for it, broadcastable: root mean square of a layer's weights, step of
  // its output, width of a range.
  double unit = 1;
};

// One thread at a time.
class Twin {
 public:
  // `model` was lowered from `float_graph` with `plan`. Starts as what it computes: from its
  // integer weights, biases and ranges. Unsupported, naming the node, where an operator has no
  // gradient.
  static Result<Twin> create(const QuantizedModel& model, const Graph& float_graph,
                             const QuantizationPlan& plan);

  // `frame`: the float graph's inputs; of an image float32 (1, C, H, W), integers 0…255. Returns
  // the model's outputs (of the host graph; undefined where not float), and in `inner` the values
  // named by inner_names().
  std::vector<at::Tensor> run(const std::vector<at::Tensor>& frame,
                              std::vector<at::Tensor>* inner = nullptr);

  // Outputs of layers with weights, by their names in both graphs.
  std::vector<std::string> inner_names() const;

  std::vector<Parameter>& parameters() { return parameters_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  // Brings parameters back to where they mean something: low ≤ 0 ≤ high, ranges of some width.
  void keep_in_bounds();
  // Rounding on or off (off: a float network with the model's weights, and what clamps it has).
  void set_rounding(bool rounding) { rounding_ = rounding; }

  TunedValues values() const;

 private:
  struct Grid {  // of values that share parameters
    at::Tensor low;
    at::Tensor high;
    // Where channels have parameters of their own, which are not learned: broadcastable.
    at::Tensor channel_scale;
    at::Tensor channel_zero;
    bool learned = false;
    float least_width = 0;
    int levels = 255;
  };
  enum class StepKind { kWeighted, kLookup, kMove, kCompute, kConcat };
  struct Step {
    StepKind kind = StepKind::kCompute;
    std::size_t node = 0;  // of the integer graph
    at::Tensor weights;
    at::Tensor weight_step;  // broadcastable; of the weights' shape where groups have their own
    at::Tensor bias;
    int weight_levels = 127;
    at::Tensor frame_scale;          // of the weights' shape, where they include the frame's
    at::Tensor frame_offset;         // likewise: rint(zero point) − zero point
    std::vector<std::size_t> chain;  // nodes of the float graph, in order
    ValueId chain_root = kNoValue;   // of the float graph
    ValueId chain_end = kNoValue;
  };

  Twin() = default;
  Status build(const QuantizedModel& model, const Graph& float_graph, const QuantizationPlan& plan);
  Status add_step(std::size_t node);
  void add_weighted(Step& step, const Node& node);
  Status add_chain(Step& step, const Node& node);
  void find_grids(const QuantizationPlan& plan);
  at::Tensor normalized(const at::Tensor& pixels) const;
  at::Tensor round(const at::Tensor& x, ValueId id, const Attributes& attributes) const;
  at::Tensor run_weighted(const Step& step, const at::Tensor& x) const;
  at::Tensor run_chain(const Step& step, const at::Tensor& x) const;

  Graph integer_;
  Graph host_;
  Graph float_graph_;
  bool image_ = true;
  bool rounding_ = true;
  std::vector<Step> steps_;
  std::vector<Grid> grids_;
  std::vector<int> grid_of_;           // by integer value; −1: none
  std::vector<at::Tensor> constants_;  // by integer value
  std::vector<at::Tensor> host_constants_;
  std::map<ValueId, at::Tensor> chain_constants_;
  std::vector<Parameter> parameters_;
};

}  // namespace quant::tuning
