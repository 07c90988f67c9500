// SPDX-License-Identifier: MIT
#include "quant/optimize/torch_finetune.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/variable.h>

#include <cmath>
#include <numbers>
#include <optional>

#include "quant/engine/float_executor.h"
#include "quant/optimize/adam.h"
#include "quant/optimize/finetune_checkpoint.h"
#include "quant/optimize/frame_variation.h"
#include "quant/optimize/step_progress.h"
#include "quant/optimize/torch_tensor.h"
#include "quant/optimize/twin.h"

namespace quant::tuning {
namespace {

// Energies of each output, pooled over frames.
struct Energies {
  std::vector<double> signal;
  std::vector<double> noise;

  explicit Energies(std::size_t outputs) : signal(outputs), noise(outputs) {}
  // Mean signal-to-noise ratio in dB, over the outputs that have a signal.
  double mean_snr() const {
    double sum = 0;
    int counted = 0;
    for (std::size_t i = 0; i < signal.size(); ++i) {
      if (signal[i] <= 0) continue;
      constexpr double kExact = 1e-15;  // noise of an exact output: 150 dB below the signal
      sum += 10 * std::log10(signal[i] / std::max(noise[i], signal[i] * kExact));
      ++counted;
    }
    return counted == 0 ? 0.0 : sum / counted;
  }
};

class Finetuning {
 public:
  Finetuning(const QuantizedModel& model, std::shared_ptr<const Graph> float_graph,
             const FinetuneOptions& options, const FinetuneProgress& progress, Twin twin,
             FloatExecutor teacher)
      : model_(model),
        float_graph_(std::move(float_graph)),
        options_(options),
        progress_(progress),
        twin_(std::move(twin)),
        adam_(twin_.parameters()),
        teacher_(std::move(teacher)),
        usual_noise_(float_graph_->outputs.size(), 0.0) {}

  Result<std::optional<FinetuneResult>> run(CalibrationSet& set, const std::vector<Range>& ranges,
                                            const QuantizationPlan& plan) {
    QUANT_TRY(collect(set));
    status_.total = static_cast<std::int64_t>(training_.size()) * options_.epochs;
    QUANT_TRY_ASSIGN(status_.before, judge());
    status_.best = status_.before;
    remember();
    QUANT_TRY(resume());
    for (; epoch_ < options_.epochs; ++epoch_) {
      QUANT_TRY(train());
      QUANT_TRY_ASSIGN(const double latest, judge());
      if (latest > status_.best) {
        status_.best = latest;
        remember();
      }
      QUANT_TRY(save());
    }
    std::optional<FinetuneResult> result;
    if (status_.best > status_.before) {
      QUANT_TRY_ASSIGN(result, assemble(ranges, plan));
    }
    if (!options_.checkpoint.empty()) {
      std::error_code ignored;
      std::filesystem::remove(options_.checkpoint, ignored);
    }
    return result;
  }

 private:
  Status collect(CalibrationSet& set) {
    QUANT_TRY(set.rewind());
    std::int64_t index = 0;
    for (;;) {
      QUANT_TRY_ASSIGN(const auto inputs, set.next());
      if (!inputs) break;
      const bool judges = index++ % options_.held_back == options_.held_back - 1;
      std::vector<at::Tensor>& frame = (judges ? judging_ : training_).emplace_back();
      for (const Tensor& input : *inputs) {
        const at::Tensor kept =
            model_.input.is_image() ? to_torch(input).to(at::kByte) : to_torch(input);
        fingerprint_.add(std::span(static_cast<const std::byte*>(kept.data_ptr()),
                                   static_cast<std::size_t>(kept.nbytes())));
        frame.push_back(kept);
      }
    }
    if (index < options_.least_frames || training_.empty() || judging_.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("fine-tuning wants at least {} calibration frames, there are {}",
                              std::max(options_.least_frames, options_.held_back), index));
    }
    for (const Value& value : model_.integer.values) {
      if (value.constant)
        fingerprint_.add(std::span(value.constant->raw(), value.constant->bytes()));
      if (value.quant) fingerprint_.add(std::as_bytes(std::span(value.quant->scale)));
    }
    for (const double number :
         {static_cast<double>(options_.epochs), static_cast<double>(options_.batch),
          static_cast<double>(options_.held_back), options_.weight_rate, options_.bias_rate,
          options_.range_rate, options_.varied})
      fingerprint_.add_value(number);
    fingerprint_.add_value(options_.seed);
    return {};
  }

  static std::vector<at::Tensor> as_float(const std::vector<at::Tensor>& frame) {
    std::vector<at::Tensor> result;
    for (const at::Tensor& input : frame) result.push_back(input.to(at::kFloat));
    return result;
  }

  // What the float network makes of a frame.
  Result<std::vector<at::Tensor>> teach(const std::vector<at::Tensor>& inputs) {
    std::vector<Tensor> frame;
    for (const at::Tensor& input : inputs) frame.push_back(from_torch(input));
    std::vector<Tensor> outputs;
    QUANT_TRY(teacher_.run(frame, outputs));
    std::vector<at::Tensor> result;
    for (const Tensor& output : outputs) {
      result.push_back(output.type() == DataType::kFloat32 ? to_torch(output) : at::Tensor());
    }
    return result;
  }

  // Mean SNR over the outputs on the held-back frames.
  Result<double> judge() {
    const at::NoGradGuard no_gradient;
    Energies energies(float_graph_->outputs.size());
    for (const std::vector<at::Tensor>& frame : judging_) {
      const std::vector<at::Tensor> inputs = as_float(frame);
      QUANT_TRY_ASSIGN(const std::vector<at::Tensor> expected, teach(inputs));
      const std::vector<at::Tensor> found = twin_.run(inputs);
      for (std::size_t i = 0; i < found.size(); ++i) {
        if (!expected[i].defined()) continue;
        energies.signal[i] += expected[i].square().sum(at::kDouble).item<double>();
        energies.noise[i] += (found[i] - expected[i]).square().sum(at::kDouble).item<double>();
      }
    }
    return energies.mean_snr();
  }

  Status train() {
    // Of the epoch alone, so that a resumed work goes on as the other would have.
    Random random(options_.seed + 0x9e3779b97f4a7c15 * static_cast<std::uint64_t>(epoch_ + 1));
    std::vector<std::size_t> order(training_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    for (std::size_t i = order.size(); i-- > 1;) {
      const auto other = static_cast<std::size_t>(random.below(static_cast<std::int64_t>(i) + 1));
      std::swap(order[i], order[other]);
    }
    int in_batch = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
      std::vector<at::Tensor> inputs = as_float(training_[order[i]]);
      // What else a tensor of features could be, nobody knows.
      const bool varied = model_.input.is_image() && random.chance(options_.varied);
      if (varied) inputs = {vary_frame(inputs[0], random)};
      QUANT_TRY(learn(inputs));
      ++status_.done;
      if (++in_batch == options_.batch || i + 1 == order.size()) {
        in_batch = 0;
        adam_.step([this](ParameterKind kind) { return rate(kind); });
        twin_.keep_in_bounds();
      }
      QUANT_TRY(report());
    }
    return {};
  }

  // Up for a twentieth of the way, then half a cosine down.
  double rate(ParameterKind kind) const {
    constexpr double kWarm = 0.05;
    const double at = static_cast<double>(status_.done) / static_cast<double>(status_.total);
    const double share = at < kWarm
                             ? at / kWarm
                             : 0.5 * (1 + std::cos(std::numbers::pi * (at - kWarm) / (1 - kWarm)));
    switch (kind) {
      case ParameterKind::kWeights:
        return share * options_.weight_rate;
      case ParameterKind::kBias:
        return share * options_.bias_rate;
      case ParameterKind::kRange:
        return share * options_.range_rate;
    }
    return 0;
  }

  // Adds one frame to the gradients.
  Status learn(const std::vector<at::Tensor>& inputs) {
    QUANT_TRY_ASSIGN(const std::vector<at::Tensor> expected, teach(inputs));
    const std::vector<at::Tensor> found = twin_.run(inputs);
    at::Tensor loss = at::zeros({});
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (!expected[i].defined()) continue;
      const at::Tensor error = (found[i] - expected[i]).square().sum();
      const double now = error.item<double>();
      // Against what the noise of this output usually is: a decibel weighs the same in every
      // output, while among frames energies count, as they do in the pooled ratio.
      constexpr double kKeep = 0.95;
      double& usual = usual_noise_[i];
      usual = usual == 0 ? now : kKeep * usual + (1 - kKeep) * now;
      if (usual > 0) loss = loss + error / usual;
    }
    if (loss.requires_grad()) loss.backward();
    return {};
  }

  void remember() {
    best_.clear();
    for (const Parameter& parameter : twin_.parameters())
      best_.push_back(parameter.value.detach().clone());
  }

  void set_parameters(const std::vector<at::Tensor>& values) {
    const at::NoGradGuard no_gradient;
    for (std::size_t i = 0; i < values.size(); ++i) twin_.parameters()[i].value.copy_(values[i]);
  }

  Status save() const {
    if (options_.checkpoint.empty()) return {};
    FinetuneCheckpoint checkpoint;
    checkpoint.fingerprint = fingerprint_.value();
    checkpoint.epochs = epoch_ + 1;
    checkpoint.numbers = {static_cast<double>(status_.done), status_.best};
    checkpoint.numbers.insert(checkpoint.numbers.end(), usual_noise_.begin(), usual_noise_.end());
    for (const Parameter& parameter : twin_.parameters())
      checkpoint.tensors.push_back(from_torch(parameter.value));
    for (const at::Tensor& value : best_) checkpoint.tensors.push_back(from_torch(value));
    for (const at::Tensor& value : adam_.state()) checkpoint.tensors.push_back(from_torch(value));
    return write_checkpoint(options_.checkpoint, checkpoint);
  }

  Status resume() {
    if (options_.checkpoint.empty() || !std::filesystem::exists(options_.checkpoint)) return {};
    QUANT_TRY_ASSIGN(const FinetuneCheckpoint checkpoint, read_checkpoint(options_.checkpoint));
    const std::size_t count = twin_.parameters().size();
    if (checkpoint.fingerprint != fingerprint_.value() ||
        checkpoint.tensors.size() != 4 * count + 1 ||
        checkpoint.numbers.size() != 2 + usual_noise_.size()) {
      return fail(ErrorCode::kInvalidArgument,
                  "the checkpoint is of another model, other frames or other options",
                  options_.checkpoint.string());
    }
    std::vector<at::Tensor> tensors;
    for (const Tensor& tensor : checkpoint.tensors) tensors.push_back(to_torch(tensor).clone());
    const auto part = [&](std::size_t first, std::size_t size) {
      const auto begin = tensors.begin() + static_cast<std::ptrdiff_t>(first);
      return std::vector<at::Tensor>(begin, begin + static_cast<std::ptrdiff_t>(size));
    };
    set_parameters(part(0, count));
    best_ = part(count, count);
    adam_.restore(part(2 * count, 2 * count + 1));
    epoch_ = static_cast<int>(checkpoint.epochs);
    status_.done = static_cast<std::int64_t>(checkpoint.numbers[0]);
    status_.best = checkpoint.numbers[1];
    std::copy(checkpoint.numbers.begin() + 2, checkpoint.numbers.end(), usual_noise_.begin());
    return {};
  }

  Status report() {
    if (progress_ && !progress_(status_)) return fail_stopped();
    return {};
  }

  // The best state as integers.
  Result<FinetuneResult> assemble(const std::vector<Range>& ranges, const QuantizationPlan& plan) {
    set_parameters(best_);
    const TunedValues tuned = twin_.values();
    FinetuneResult result;
    result.ranges = tuned_ranges(*float_graph_, ranges, tuned);
    QUANT_TRY_ASSIGN(result.model,
                     tuned_model(*float_graph_, model_.input, result.ranges, plan, tuned));
    for (const auto& [name, layer] : tuned.layers) result.weights[name] = layer.weights;
    result.before = status_.before;
    result.best = status_.best;
    return result;
  }

  const QuantizedModel& model_;
  std::shared_ptr<const Graph> float_graph_;
  FinetuneOptions options_;
  const FinetuneProgress& progress_;
  Twin twin_;
  Adam adam_;
  FloatExecutor teacher_;
  Fingerprint fingerprint_;
  // The float graph's inputs; pixels as uint8.
  std::vector<std::vector<at::Tensor>> training_;
  std::vector<std::vector<at::Tensor>> judging_;
  std::vector<double> usual_noise_;  // by output
  std::vector<at::Tensor> best_;     // by parameter
  int epoch_ = 0;
  FinetuneStatus status_;
};

}  // namespace

Result<std::optional<FinetuneResult>> finetune(const QuantizedModel& model,
                                               std::shared_ptr<const Graph> float_graph,
                                               const std::vector<Range>& ranges,
                                               const QuantizationPlan& plan, CalibrationSet& set,
                                               const FinetuneOptions& options,
                                               const FinetuneProgress& progress) {
  // Before anything that takes long.
  const std::int64_t count = set.count().value_or(options.least_frames);
  if (count < options.least_frames) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("fine-tuning wants at least {} calibration frames, there are {}",
                            options.least_frames, count));
  }
  try {
    if (options.threads > 0) at::set_num_threads(options.threads);
    QUANT_TRY_ASSIGN(Twin twin, Twin::create(model, *float_graph, plan));
    QUANT_TRY_ASSIGN(FloatExecutor teacher, FloatExecutor::create(float_graph, options.threads));
    Finetuning work(model, float_graph, options, progress, std::move(twin), std::move(teacher));
    return work.run(set, ranges, plan);
  } catch (const std::exception& error) {
    return fail(ErrorCode::kInternal, fmt::format("libtorch: {}", error.what()));
  }
}

}  // namespace quant::tuning
