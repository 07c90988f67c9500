// SPDX-License-Identifier: MIT
// FloatExecutor as a Backend.
#include "quant/backend/native_reference.h"

#include <utility>

#include "quant/backend/check_inputs.h"
#include "quant/engine/float_executor.h"
#include "quant/onnx/onnx_reader.h"

namespace quant {
namespace {

class FloatBackend final : public Backend {
 public:
  FloatBackend(const Graph& graph, FloatExecutor executor)
      : executor_(std::move(executor)),
        inputs_(describe(graph, graph.inputs)),
        outputs_(describe(graph, graph.outputs)) {}

  const char* name() const override { return "native"; }
  std::string description() const override { return "gst-quant float executor"; }
  bool independent() const override { return false; }
  const std::vector<TensorInfo>& inputs() const override { return inputs_; }
  const std::vector<TensorInfo>& outputs() const override { return outputs_; }
  const std::vector<QuantParams>& output_params() const override { return output_params_; }

  Status run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs) override {
    QUANT_TRY(check_inputs(inputs, inputs_));
    return executor_.run(inputs, outputs);
  }

 private:
  FloatExecutor executor_;
  std::vector<TensorInfo> inputs_;
  std::vector<TensorInfo> outputs_;
  std::vector<QuantParams> output_params_;
};

}  // namespace

std::vector<TensorInfo> describe(const Graph& graph, const std::vector<ValueId>& values) {
  std::vector<TensorInfo> infos;
  for (const ValueId id : values) {
    const Value& value = graph.value(id);
    infos.push_back({value.name, value.type, value.shape});
  }
  return infos;
}

Result<std::unique_ptr<Backend>> make_native_reference(const ReferenceModel& model, int threads) {
  QUANT_TRY_ASSIGN(Graph graph,
                   read_onnx(model.onnx, {.input_shapes = model.input_shapes,
                                          .end_nodes = model.end_nodes,
                                          .external_data_dir = model.external_data_dir}));
  const auto shared = std::make_shared<const Graph>(std::move(graph));
  QUANT_TRY_ASSIGN(FloatExecutor executor, FloatExecutor::create(shared, threads));
  return std::make_unique<FloatBackend>(*shared, std::move(executor));
}

}  // namespace quant
