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
                std::unique_ptr<HostPart> host)
      : model_(std::move(model)), runner_(std::move(runner)), host_(std::move(host)) {}

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
      const std::optional<QuantParams>& params = runner_->outputs()[i].params;
      QUANT_TRY_ASSIGN(reals.emplace_back(),
                       stream_values((*answer)[i], params ? *params : model_->raw_params()[i],
                                     model_->raw_outputs()[i]));
    }
    return host_->run_real(std::move(reals), outputs);
  }

 private:
  std::shared_ptr<const Model> model_;
  std::unique_ptr<DeviceRunner> runner_;
  std::unique_ptr<HostPart> host_;
};

}  // namespace

Result<std::unique_ptr<Context>> make_device_context(std::shared_ptr<const Model> model,
                                                     std::unique_ptr<DeviceRunner> runner,
                                                     int threads) {
  QUANT_TRY_ASSIGN(auto host, model->make_host_part(threads));
  return std::make_unique<DeviceContext>(std::move(model), std::move(runner), std::move(host));
}

}  // namespace quant
