// SPDX-License-Identifier: MIT
// cv::dnn::Net; its exceptions and its log lines end here.
#include "quant/backend/opencv_reference.h"

#include <fmt/format.h>

#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>

#include "quant/backend/check_inputs.h"
#include "quant/backend/foreign_model.h"

namespace quant {
namespace {

// OpenCV writes to stderr what it also throws.
class SilentLog {
 public:
  SilentLog() : previous_(cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT)) {}
  ~SilentLog() { cv::utils::logging::setLogLevel(previous_); }
  SilentLog(const SilentLog&) = delete;
  SilentLog& operator=(const SilentLog&) = delete;

 private:
  cv::utils::logging::LogLevel previous_;
};

// OpenCV's text goes on over several lines with its own source files; what a user can act on comes
// before.
tl::unexpected<Error> opencv_failure(const cv::Exception& error) {
  std::string text = error.err.substr(0, error.err.find('\n'));
  text = text.substr(0, text.find(": OpenCV("));
  text.erase(0, text.find_first_not_of("> "));
  return fail(ErrorCode::kUnsupported, text, "OpenCV DNN");
}

class OpenCvReference final : public Backend {
 public:
  const char* name() const override { return "opencv"; }
  std::string description() const override { return "OpenCV DNN " + cv::getVersionString(); }
  bool independent() const override { return true; }
  const std::vector<TensorInfo>& inputs() const override { return inputs_; }
  const std::vector<TensorInfo>& outputs() const override { return outputs_; }
  const std::vector<QuantParams>& output_params() const override { return output_params_; }

  // Throws cv::Exception.
  Status load(ForeignModel model, const std::vector<TensorInfo>& expected) {
    inputs_ = std::move(model.inputs);
    outputs_ = expected;
    for (const auto* infos : {&inputs_, &outputs_})
      for (const TensorInfo& info : *infos)
        if (info.type != DataType::kFloat32 || !is_static(info.shape))
          return fail(ErrorCode::kUnsupported,
                      fmt::format("{} is {} {}; only float32 of a fixed shape is possible",
                                  info.name, to_string(info.type), to_string(info.shape)),
                      "OpenCV DNN");
    names_.assign(model.outputs.begin(), model.outputs.end());
    bool same_names = names_.size() == outputs_.size();
    for (std::size_t i = 0; same_names && i < names_.size(); ++i)
      same_names = names_[i] == outputs_[i].name;
    if (!same_names)
      return fail(ErrorCode::kUnsupported, "other outputs than the model's", "OpenCV DNN");
    net_ = cv::dnn::readNetFromONNX(model.bytes.data(), model.bytes.size());
    net_.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
    net_.setPreferableTarget(cv::dnn::DNN_TARGET_CPU);
    return try_out();
  }

  Status run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs) override {
    QUANT_TRY(check_inputs(inputs, inputs_));
    try {
      return forward(inputs, outputs);
    } catch (const cv::Exception& error) {
      return opencv_failure(error);
    }
  }

 private:
  // Much of what OpenCV cannot do shows only when it runs, and some of it only as NaN.
  // Throws cv::Exception.
  Status try_out() {
    std::vector<Tensor> inputs, results;
    for (const TensorInfo& info : inputs_) {
      Tensor input(info.type, info.shape);
      const std::span<float> values = input.data<float>();
      for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = 0.5f + 0.4f * std::sin(0.37f * static_cast<float>(i));
      inputs.push_back(std::move(input));
    }
    QUANT_TRY(forward(inputs, results));
    for (std::size_t i = 0; i < results.size(); ++i)
      for (float value : results[i].data<float>())
        if (!std::isfinite(value))
          return fail(ErrorCode::kUnsupported,
                      fmt::format("output {} is not finite on a plain input", outputs_[i].name),
                      "OpenCV DNN");
    return {};
  }

  // Throws cv::Exception.
  Status forward(std::span<const Tensor> inputs, std::vector<Tensor>& outputs) {
    const SilentLog silent;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::vector<int> sizes(inputs[i].shape().begin(), inputs[i].shape().end());
      // setInput copies; cv::Mat has no const.
      net_.setInput(cv::Mat(sizes, CV_32F, const_cast<std::byte*>(inputs[i].raw())),
                    inputs_[i].name);
    }
    std::vector<cv::Mat> blobs;
    net_.forward(blobs, names_);
    outputs.clear();
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const TensorInfo& info = outputs_[i];
      const cv::Mat& blob = blobs.at(i);
      if (blob.type() != CV_32F ||
          blob.total() != static_cast<std::size_t>(element_count(info.shape)))
        return fail(ErrorCode::kUnsupported,
                    fmt::format("output {} has {} elements, the model's has {}", info.name,
                                blob.total(), element_count(info.shape)),
                    "OpenCV DNN");
      const cv::Mat dense = blob.isContinuous() ? blob : blob.clone();
      outputs.push_back(Tensor::from<float>(
          info.shape, std::span(dense.ptr<float>(), static_cast<std::size_t>(dense.total()))));
    }
    return {};
  }

  cv::dnn::Net net_;
  std::vector<cv::String> names_;
  std::vector<TensorInfo> inputs_;
  std::vector<TensorInfo> outputs_;
  std::vector<QuantParams> output_params_;
};

}  // namespace

Result<std::unique_ptr<Backend>> make_opencv_reference(const ReferenceModel& model, int threads,
                                                       const std::vector<TensorInfo>& expected) {
  QUANT_TRY_ASSIGN(ForeignModel foreign, make_foreign_model(model, expected));
  const SilentLog silent;
  try {
    if (cv::getNumThreads() > threads) cv::setNumThreads(threads);
    auto reference = std::make_unique<OpenCvReference>();
    QUANT_TRY(reference->load(std::move(foreign), expected));
    return reference;
  } catch (const cv::Exception& error) {
    return opencv_failure(error);
  }
}

}  // namespace quant
