// SPDX-License-Identifier: MIT
// ONNX Runtime's C++ API; its exceptions end here.
#include "quant/backend/onnxruntime_reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "quant/backend/check_inputs.h"
#include "quant/backend/foreign_model.h"

// The headers would fetch the API in a static initializer and crash there with an older library.
#define ORT_API_MANUAL_INIT
#include <onnxruntime_cxx_api.h>
#undef ORT_API_MANUAL_INIT

namespace quant {
namespace {

const char* library_version() { return OrtGetApiBase()->GetVersionString(); }

// The API only grows: a library serves every API version up to its own minor version.
Status load_api() {
  const std::string_view version = library_version();
  const std::size_t dot = version.find('.');
  const int minor = dot == std::string_view::npos ? 0 : std::atoi(version.data() + dot + 1);
  const OrtApi* api = minor < ORT_API_VERSION ? nullptr : OrtGetApiBase()->GetApi(ORT_API_VERSION);
  if (api == nullptr)
    return fail(ErrorCode::kUnavailable,
                fmt::format("this library was built for ONNX Runtime 1.{} or newer, found was {}",
                            ORT_API_VERSION, version));
  Ort::InitApi(api);
  return {};
}

Result<DataType> data_type_of(ONNXTensorElementDataType type) {
  switch (type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT:
      return DataType::kFloat32;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE:
      return DataType::kFloat64;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8:
      return DataType::kUint8;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8:
      return DataType::kInt8;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16:
      return DataType::kUint16;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16:
      return DataType::kInt16;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32:
      return DataType::kUint32;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32:
      return DataType::kInt32;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64:
      return DataType::kUint64;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
      return DataType::kInt64;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL:
      return DataType::kBool;
    default:  // strings, complex numbers, and whatever later versions add
      return fail(
          ErrorCode::kUnsupported,
          fmt::format("ONNX Runtime's element type {} has no form here", static_cast<int>(type)));
  }
}

// How ONNX Runtime sees an input or output.
struct Port {
  ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  bool fixed_shape = true;  // known before anything ran

  bool half() const { return type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16; }
  // Whether ONNX Runtime can write straight into a tensor of ours.
  bool direct() const { return fixed_shape && !half(); }
};

class OnnxRuntimeReference final : public Backend {
 public:
  OnnxRuntimeReference() : env_(ORT_LOGGING_LEVEL_FATAL, "gst-quant") {}

  const char* name() const override { return "onnxruntime"; }
  std::string description() const override {
    return fmt::format("ONNX Runtime {}", library_version());
  }
  bool independent() const override { return true; }
  const std::vector<TensorInfo>& inputs() const override { return inputs_; }
  const std::vector<TensorInfo>& outputs() const override { return outputs_; }
  const std::vector<QuantParams>& output_params() const override { return output_params_; }

  // Throws Ort::Exception.
  Status load(ForeignModel model, const OnnxRuntimeOptions& options) {
    Ort::SessionOptions session_options;
    session_options.SetIntraOpNumThreads(options.threads);
    session_options.SetInterOpNumThreads(1);
    session_options.SetExecutionMode(ORT_SEQUENTIAL);
    switch (options.optimizations) {
      case GraphOptimizations::kNone:
        session_options.SetGraphOptimizationLevel(ORT_DISABLE_ALL);
        // Waiting threads must not take the cores of the pipeline that is being measured.
        session_options.AddConfigEntry("session.intra_op.allow_spinning", "0");
        break;
      case GraphOptimizations::kAll:
        session_options.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
        break;
    }
    session_ = Ort::Session(env_, model.bytes.data(), model.bytes.size(), session_options);
    inputs_ = std::move(model.inputs);
    QUANT_TRY(read_ports(model.outputs));
    return find_open_shapes();
  }

  Status run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs) override {
    QUANT_TRY(check_inputs(inputs, inputs_));
    try {
      return run_session(inputs, outputs);
    } catch (const Ort::Exception& error) {
      return fail(ErrorCode::kInternal, error.what(), "ONNX Runtime");
    }
  }

 private:
  Status read_ports(const std::vector<std::string>& output_names) {
    Ort::AllocatorWithDefaultOptions allocator;
    if (session_.GetInputCount() != inputs_.size())
      return fail(ErrorCode::kInternal, "ONNX Runtime sees another number of inputs");
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (session_.GetInputNameAllocated(i, allocator).get() != inputs_[i].name)
        return fail(ErrorCode::kInternal, "ONNX Runtime has the inputs in another order");
      const Ort::TypeInfo type = session_.GetInputTypeInfo(i);
      input_ports_.push_back({type.GetTensorTypeAndShapeInfo().GetElementType()});
    }
    for (std::size_t i = 0; i < session_.GetOutputCount(); ++i) {
      const std::string& output_name = output_names[i];
      const std::string context = fmt::format("output {}", output_name);
      const Ort::TypeInfo type = session_.GetOutputTypeInfo(i);
      if (type.GetONNXType() != ONNX_TYPE_TENSOR)
        return fail(ErrorCode::kUnsupported, "only tensors can be outputs", context);
      const auto tensor = type.GetTensorTypeAndShapeInfo();
      auto data_type = data_type_of(tensor.GetElementType());
      if (!data_type) return fail_with_context(data_type.error(), context);
      Shape shape = tensor.GetShape();
      for (std::int64_t& size : shape) size = std::max<std::int64_t>(size, -1);
      // An unknown rank looks like a scalar.
      output_ports_.push_back({tensor.GetElementType(), !shape.empty() && is_static(shape)});
      outputs_.push_back({output_name, *data_type, std::move(shape)});
    }
    return {};
  }

  // Without graph optimizations shape arithmetic stays in the graph and leaves output shapes open.
  // Two runs on different data tell: what differs is decided by the data. (Data may still decide
  // where they agree: those outputs keep being allocated by ONNX Runtime.)
  Status find_open_shapes() {
    const auto fixed = [](const Port& port) { return port.fixed_shape; };
    if (std::all_of(output_ports_.begin(), output_ports_.end(), fixed)) return {};
    std::vector<Tensor> zeros, waves, first, second;
    for (const TensorInfo& info : inputs_) {
      zeros.emplace_back(info.type, info.shape);
      Tensor wave(info.type, info.shape);
      if (info.type == DataType::kFloat32) fill_with_wave(wave.data<float>());
      waves.push_back(std::move(wave));
    }
    QUANT_TRY(run_session(zeros, first));
    QUANT_TRY(run_session(waves, second));
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      if (output_ports_[i].fixed_shape) continue;
      const Shape& other = second[i].shape();
      Shape& shape = outputs_[i].shape = first[i].shape();
      for (std::size_t d = 0; d < shape.size(); ++d)
        if (d >= other.size() || shape[d] != other[d]) shape[d] = -1;
    }
    return {};
  }

  static void fill_with_wave(std::span<float> values) {
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = 0.9f * std::sin(0.37f * static_cast<float>(i));
  }

  Ort::Value wrap(const Tensor& tensor, const Port& port) const {
    if (port.half()) {
      Ort::AllocatorWithDefaultOptions allocator;
      Ort::Value value =
          Ort::Value::CreateTensor(allocator, tensor.shape().data(), tensor.rank(), port.type);
      auto* halves = value.GetTensorMutableData<Ort::Float16_t>();
      const auto floats = tensor.data<float>();
      std::transform(floats.begin(), floats.end(), halves,
                     [](float x) { return Ort::Float16_t(x); });
      return value;
    }
    // ONNX Runtime only reads inputs; its API has no const.
    return Ort::Value::CreateTensor(memory_, const_cast<std::byte*>(tensor.raw()), tensor.bytes(),
                                    tensor.shape().data(), tensor.rank(), port.type);
  }

  static Tensor copy_out(const Ort::Value& value, DataType type, const Port& port) {
    Tensor tensor(type, value.GetTensorTypeAndShapeInfo().GetShape());
    if (port.half()) {
      const auto* halves = value.GetTensorData<Ort::Float16_t>();
      std::transform(halves, halves + tensor.elements(), tensor.data<float>().begin(),
                     [](Ort::Float16_t x) { return x.ToFloat(); });
    } else {
      const auto* bytes = static_cast<const std::byte*>(value.GetTensorRawData());
      std::copy(bytes, bytes + tensor.bytes(), tensor.raw());
    }
    return tensor;
  }

  // Throws Ort::Exception.
  Status run_session(std::span<const Tensor> inputs, std::vector<Tensor>& outputs) {
    std::vector<const char*> input_names, output_names;
    std::vector<Ort::Value> input_values, output_values;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      input_names.push_back(inputs_[i].name.c_str());
      input_values.push_back(wrap(inputs[i], input_ports_[i]));
    }
    outputs.clear();
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const TensorInfo& info = outputs_[i];
      output_names.push_back(info.name.c_str());
      if (output_ports_[i].direct()) {
        outputs.emplace_back(info.type, info.shape);
        output_values.push_back(wrap(outputs.back(), output_ports_[i]));
      } else {
        outputs.emplace_back();
        output_values.emplace_back(nullptr);
      }
    }
    session_.Run(Ort::RunOptions{nullptr}, input_names.data(), input_values.data(),
                 input_values.size(), output_names.data(), output_values.data(),
                 output_values.size());
    for (std::size_t i = 0; i < outputs_.size(); ++i)
      if (!output_ports_[i].direct())
        outputs[i] = copy_out(output_values[i], outputs_[i].type, output_ports_[i]);
    return {};
  }

  Ort::Env env_;  // one per process behind the scenes, counted
  Ort::MemoryInfo memory_ = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  Ort::Session session_{nullptr};
  std::vector<TensorInfo> inputs_;
  std::vector<TensorInfo> outputs_;
  std::vector<Port> input_ports_;
  std::vector<Port> output_ports_;
  std::vector<QuantParams> output_params_;
};

}  // namespace

bool onnxruntime_built_in() { return true; }

Result<std::unique_ptr<Backend>> make_onnxruntime_reference(const ReferenceModel& model,
                                                            const OnnxRuntimeOptions& options) {
  QUANT_TRY(load_api());
  QUANT_TRY_ASSIGN(ForeignModel foreign, make_foreign_model(model));
  try {
    auto reference = std::make_unique<OnnxRuntimeReference>();
    QUANT_TRY(reference->load(std::move(foreign), options));
    return reference;
  } catch (const Ort::Exception& error) {
    return fail(ErrorCode::kUnsupported, error.what(), "ONNX Runtime");
  }
}

}  // namespace quant
