// SPDX-License-Identifier: MIT
#include "quant/backend/device_context.h"

#include <fmt/format.h>

#include <utility>

#include "quant/backend/stream_values.h"
#include "quant/vision/frame.h"

namespace quant {
namespace {

class DeviceContext : public Context {
 public:
  DeviceContext(std::shared_ptr<const Model> model, std::unique_ptr<DeviceRunner> runner,
                std::vector<TensorDequantizer> values, std::unique_ptr<HostPart> host)
      : model_(std::move(model)),
        runner_(std::move(runner)),
        values_(std::move(values)),
        host_(std::move(host)) {}

  ContextKind kind() const override { return ContextKind::kDevice; }
  const char* runtime() const override { return runner_->driver(); }
  std::string description() const override {
    const DeviceInfo& info = runner_->session().info();
    return fmt::format("{} {}, {}", info.architecture, info.id, info.library);
  }
  bool independent() const override { return false; }
  const std::vector<TensorInfo>& outputs() const override { return model_->outputs(); }

  Status run(const Frame& frame, std::vector<Tensor>& outputs) override {
    const Tensor pixels =
        frame.pixels ? *frame.pixels : denormalize_input(frame.network_input, model_->input());
    if (auto taken = runner_->submit(pixels); !taken) {
      return tl::unexpected(to_error(std::move(taken).error(), runner_->device()));
    }
    auto answer = runner_->next();
    if (!answer) return tl::unexpected(to_error(std::move(answer).error(), runner_->device()));
    std::vector<Tensor> reals;
    for (std::size_t i = 0; i < answer->size(); ++i) {
      QUANT_TRY(check_device_tensor((*answer)[i]));
      reals.push_back(values_[i].run((*answer)[i].memory.raw()));
    }
    return host_->run_real(std::move(reals), outputs);
  }

 private:
  std::shared_ptr<const Model> model_;
  std::unique_ptr<DeviceRunner> runner_;
  std::vector<TensorDequantizer> values_;  // one per raw output
  std::unique_ptr<HostPart> host_;
};

}  // namespace

Result<std::unique_ptr<Context>> make_device_context(std::shared_ptr<const Model> model,
                                                     std::unique_ptr<DeviceRunner> runner,
                                                     int threads) {
  QUANT_TRY_ASSIGN(auto host, model->make_host_part(threads));
  std::vector<TensorDequantizer> values;
  for (std::size_t i = 0; i < runner->outputs().size(); ++i) {
    const DeviceOutput& output = runner->outputs()[i];
    QUANT_TRY_ASSIGN(
        auto prepared,
        stream_values(output.layout, output.params ? *output.params : model->raw_params()[i],
                      model->raw_outputs()[i]));
    values.push_back(std::move(prepared));
  }
  return std::make_unique<DeviceContext>(std::move(model), std::move(runner), std::move(values),
                                         std::move(host));
}

}  // namespace quant
