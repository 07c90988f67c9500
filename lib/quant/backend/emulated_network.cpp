// SPDX-License-Identifier: MIT
#include "quant/backend/emulated_network.h"

#include <memory>
#include <utility>

#include "quant/backend/match_streams.h"

namespace quant {
namespace {

constexpr int kOnnxChannelAxis = 1;
constexpr int kDeviceChannelAxis = 3;

DeviceStream output_stream(const TensorInfo& info, const QuantParams& params) {
  const StreamShape shape = stream_shape(info);
  DeviceStream stream;
  stream.name = info.name;
  stream.layout =
      dense_layout(DeviceOrder::kNchw, info.type, shape.height, shape.width, shape.channels);
  if (params.per_channel()) {
    const bool along_channels = params.axis == kOnnxChannelAxis &&
                                static_cast<std::int64_t>(params.scale.size()) == shape.channels;
    if (!along_channels) return stream;
  }
  stream.params = params;
  stream.params->axis = kDeviceChannelAxis;
  return stream;
}

}  // namespace

Result<FakeNetwork> make_emulated_network(const Model& model, int threads) {
  QUANT_TRY_ASSIGN(auto made, model.make_emulator(threads));
  const std::shared_ptr<Backend> emulator = std::move(made);
  const InputSpec& input = model.input();
  FakeNetwork network;
  DeviceStream stream;
  stream.name = input.name;
  stream.layout = dense_layout(DeviceOrder::kNhwc, DataType::kUint8, input.height, input.width,
                               input.channels());
  network.inputs = {std::move(stream)};
  for (std::size_t i = 0; i < model.raw_outputs().size(); ++i) {
    network.outputs.push_back(output_stream(model.raw_outputs()[i], model.raw_params()[i]));
  }
  network.run = [emulator](std::span<const Tensor> inputs, std::vector<Tensor>& outputs) {
    return emulator->run(inputs, outputs);
  };
  return network;
}

}  // namespace quant
