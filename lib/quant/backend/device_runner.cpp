// SPDX-License-Identifier: MIT
#include "quant/backend/device_runner.h"

#include <fmt/format.h>

#include <utility>

#include "quant/backend/compiled_network.h"
#include "quant/backend/match_streams.h"

namespace quant {
namespace {

// Rows of pixels one after the other, with nothing between them.
bool lies_dense(const DeviceStream& stream) {
  const DeviceLayout& layout = stream.layout;
  const DeviceLayout dense =
      dense_layout(layout.order, layout.type, layout.height, layout.width, layout.channels);
  const bool pixelwise = layout.order == DeviceOrder::kNhwc || layout.order == DeviceOrder::kFcr;
  return pixelwise && layout == dense && stream.frame_bytes == byte_count(layout);
}

}  // namespace

tl::expected<std::unique_ptr<DeviceRunner>, FaultError> DeviceRunner::open(
    std::shared_ptr<DeviceDriver> driver, const Model& model, const SessionOptions& options) {
  const auto file = read_compiled(options.device.model_path);
  auto session = DeviceSession::open(driver, options);
  if (!session) {
    DeviceError error = std::move(session).error();
    const std::string more = file ? file_says(error.fault, *file) : "";
    if (!more.empty()) error.message += "; " + more;
    const std::string& id = options.device.device_id;
    return tl::unexpected(to_error(std::move(error), id.empty() ? driver->name() : id));
  }
  std::unique_ptr<DeviceRunner> runner(new DeviceRunner(std::move(driver), std::move(*session)));
  QUANT_TRY(runner->check_input(model));
  QUANT_TRY(runner->prepare_input());
  std::vector<DeviceStream> outputs = runner->session().outputs();
  if (file) complete_params(outputs, *file);
  QUANT_TRY(runner->match_outputs(model, outputs));
  return runner;
}

Status DeviceRunner::check_input(const Model& model) const {
  const InputSpec& input = model.input();
  const std::vector<DeviceStream>& streams = session_->inputs();
  if (streams.size() != 1) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the network on the device has {} inputs, {} has one", streams.size(),
                            model.path()),
                device());
  }
  const DeviceLayout& layout = streams[0].layout;
  if (streams[0].is_affine && layout.type == DataType::kUint8 && layout.height == input.height &&
      layout.width == input.width && layout.channels == input.channels()) {
    return {};
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("the network on the device takes {} as {}, {} takes the pixels of an "
                          "image, uint8 {}x{}x{} (height x width x channels): is it compiled from "
                          "another model?",
                          streams[0].name, to_string(layout), model.path(), input.height,
                          input.width, input.channels()),
              device());
}

Status DeviceRunner::prepare_input() {
  const DeviceStream& stream = session_->inputs()[0];
  if (lies_dense(stream)) return {};
  const DeviceLayout& layout = stream.layout;
  const DeviceLayout pixels = dense_layout(DeviceOrder::kNhwc, DataType::kUint8, layout.height,
                                           layout.width, layout.channels);
  QUANT_TRY_ASSIGN(const Isa isa, selected_isa());
  QUANT_TRY_ASSIGN(lay_out_, Relayout::create(pixels, layout, isa));
  return {};
}

Status DeviceRunner::match_outputs(const Model& model, const std::vector<DeviceStream>& streams) {
  std::vector<StreamShape> shapes;
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < streams.size(); ++i) {
    // Records after NMS are no tensor of the model's.
    if (!streams[i].is_affine) continue;
    const DeviceLayout& layout = streams[i].layout;
    shapes.push_back({streams[i].name, layout.height, layout.width, layout.channels});
    indices.push_back(i);
  }
  QUANT_TRY_ASSIGN(const auto matched, match_streams(model.raw_outputs(), shapes));
  for (std::size_t i = 0; i < matched.size(); ++i) {
    const std::size_t index = indices[matched[i]];
    outputs_.push_back(
        {model.raw_outputs()[i].name, index, streams[index].layout, streams[index].params});
  }
  return {};
}

DeviceResult<void> DeviceRunner::submit(const Tensor& input) {
  if (!lay_out_) return session_->submit({input});
  Tensor memory(DataType::kUint8, {static_cast<std::int64_t>(session_->inputs()[0].frame_bytes)});
  ThreadPool pool(1);
  lay_out_->run(input.raw(), memory.raw(), pool);
  return session_->submit({std::move(memory)});
}

DeviceResult<std::vector<DeviceTensor>> DeviceRunner::next() {
  auto memory = session_->next();
  if (!memory) return tl::unexpected<DeviceError>(std::move(memory).error());
  std::vector<DeviceTensor> tensors;
  for (const DeviceOutput& output : outputs_) {
    tensors.push_back({output.layout, (*memory)[output.stream]});
  }
  return tensors;
}

}  // namespace quant
