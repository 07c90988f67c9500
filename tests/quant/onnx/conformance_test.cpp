// SPDX-License-Identifier: MIT
// The ONNX project's own operator tests (Debian package libonnx-testdata) through the reader and
// the float executor. Prints what passed, failed and was skipped, and why; a case that is skipped
// has its reason here.
#include <gmock/gmock.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "quant/engine/float_executor.h"
#include "quant/onnx/onnx_reader.h"
#include "quant/onnx/tensor_proto.h"

namespace quant {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDataDirectory = "/usr/share/libonnx-testdata/data";
constexpr const char* kSuites[] = {"node", "simple", "pytorch-converted", "pytorch-operator"};
// The bounds of the ONNX project's own test runner.
constexpr double kRelativeTolerance = 1e-3;
constexpr double kAbsoluteTolerance = 1e-7;

struct Reason {
  std::string what;  // operator, or beginning of a case's name
  std::string why;
};

// Operators that no camera network needs at inference; the reader refuses them by name.
const Reason kOperatorsLeftOut[] = {
    {"Adagrad", "training"},
    {"Adam", "training"},
    {"Gradient", "training"},
    {"Momentum", "training"},
    {"NegativeLogLikelihoodLoss", "training (loss)"},
    {"SoftmaxCrossEntropyLoss", "training (loss)"},
    {"GRU", "recurrent network"},
    {"LSTM", "recurrent network"},
    {"RNN", "recurrent network"},
    {"If", "control flow"},
    {"Loop", "control flow"},
    {"Scan", "control flow"},
    {"Bernoulli", "random"},
    {"RandomUniformLike", "random"},
    {"BlackmanWindow", "audio"},
    {"DFT", "audio"},
    {"HammingWindow", "audio"},
    {"HannWindow", "audio"},
    {"MelWeightMatrix", "audio"},
    {"STFT", "audio"},
    {"TfIdfVectorizer", "text"},
    {"DynamicQuantizeLinear", "ranges computed at run time: outside the static scheme"},
    {"MaxUnpool", "not in any camera network seen"},
    {"ReverseSequence", "not in any camera network seen"},
    {"Unique", "not in any camera network seen"},
};

// Single cases, by the beginning of their names.
const Reason kCasesLeftOut[] = {
    {"node/test_batchnorm_epsilon_training_mode", "training mode"},
    {"node/test_batchnorm_example_training_mode", "training mode"},
    {"node/test_training_dropout", "training mode"},
};

struct TestCase {
  std::string name;  // suite/case
  fs::path directory;
  onnx::ModelProto model;
};

std::string read_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<TestCase> all_cases() {
  std::vector<TestCase> cases;
  for (const char* suite : kSuites) {
    std::set<fs::path> directories;
    for (const auto& entry : fs::directory_iterator(fs::path(kDataDirectory) / suite))
      directories.insert(entry.path());
    for (const fs::path& directory : directories) {
      TestCase test{suite + ("/" + directory.filename().string()), directory, {}};
      EXPECT_TRUE(test.model.ParseFromString(read_bytes(directory / "model.onnx"))) << test.name;
      cases.push_back(std::move(test));
    }
  }
  return cases;
}

// Why the case is none of ours because of what goes in and out.
std::optional<std::string> type_outside(const onnx::GraphProto& graph) {
  bool any_float = false;
  for (const auto* values : {&graph.input(), &graph.output()}) {
    for (const onnx::ValueInfoProto& value : *values) {
      if (!value.type().has_tensor_type()) return "sequence, map or optional type";
      switch (value.type().tensor_type().elem_type()) {
        case onnx::TensorProto::STRING:
          return "strings";
        case onnx::TensorProto::FLOAT16:
        case onnx::TensorProto::BFLOAT16:
          return "16-bit floating point";
        case onnx::TensorProto::DOUBLE:
          return "double precision";
        case onnx::TensorProto::FLOAT:
          any_float = true;
          break;
        default:
          break;
      }
    }
  }
  if (!any_float) return "no float32 tensor";
  return std::nullopt;
}

void collect_operators(const onnx::GraphProto& graph, std::set<std::string>& operators) {
  for (const onnx::NodeProto& node : graph.node()) operators.insert(node.op_type());
}

// Notes which table entries were of use, so that none outlives its case.
std::optional<std::string> skip_reason(const TestCase& test, std::set<std::string>& used) {
  if (auto reason = type_outside(test.model.graph())) return reason;
  std::set<std::string> operators;
  collect_operators(test.model.graph(), operators);
  for (const auto& function : test.model.functions()) {
    for (const onnx::NodeProto& node : function.node()) operators.insert(node.op_type());
  }
  for (const Reason& reason : kOperatorsLeftOut) {
    if (!operators.contains(reason.what)) continue;
    used.insert(reason.what);
    return reason.what + ": " + reason.why;
  }
  for (const std::string& name : operators) {
    if (name.find("Sequence") != std::string::npos) return "sequences";
  }
  for (const Reason& reason : kCasesLeftOut) {
    if (!test.name.starts_with(reason.what)) continue;
    used.insert(reason.what);
    return reason.why;
  }
  return std::nullopt;
}

template <typename T>
std::string compare_elements(const Tensor& actual, const Tensor& expected) {
  const std::span<const T> a = actual.data<T>();
  const std::span<const T> e = expected.data<T>();
  for (std::size_t i = 0; i < e.size(); ++i) {
    const auto left = static_cast<double>(a[i]);
    const auto right = static_cast<double>(e[i]);
    const bool same = std::is_integral_v<T>
                          ? a[i] == e[i]
                          : left == right || (std::isnan(left) && std::isnan(right)) ||
                                std::fabs(left - right) <=
                                    kAbsoluteTolerance + kRelativeTolerance * std::fabs(right);
    if (!same) {
      return "element " + std::to_string(i) + " is " + std::to_string(left) + ", expected " +
             std::to_string(right);
    }
  }
  return {};
}

// Empty where the tensors agree.
std::string difference(const Tensor& actual, const Tensor& expected) {
  if (actual.type() != expected.type()) {
    return std::string("type ") + to_string(actual.type()) + ", expected " +
           to_string(expected.type());
  }
  if (actual.shape() != expected.shape()) {
    return "shape " + to_string(actual.shape()) + ", expected " + to_string(expected.shape());
  }
  switch (expected.type()) {
    case DataType::kFloat32:
      return compare_elements<float>(actual, expected);
    case DataType::kFloat64:
      return compare_elements<double>(actual, expected);
    case DataType::kBool:
    case DataType::kUint8:
      return compare_elements<std::uint8_t>(actual, expected);
    case DataType::kInt8:
      return compare_elements<std::int8_t>(actual, expected);
    case DataType::kUint16:
      return compare_elements<std::uint16_t>(actual, expected);
    case DataType::kInt16:
      return compare_elements<std::int16_t>(actual, expected);
    case DataType::kUint32:
      return compare_elements<std::uint32_t>(actual, expected);
    case DataType::kInt32:
      return compare_elements<std::int32_t>(actual, expected);
    case DataType::kUint64:
      return compare_elements<std::uint64_t>(actual, expected);
    case DataType::kInt64:
      return compare_elements<std::int64_t>(actual, expected);
  }
  return "unknown type";
}

Result<Tensor> read_tensor_file(const fs::path& path) {
  onnx::TensorProto proto;
  if (!proto.ParseFromString(read_bytes(path)))
    return fail(ErrorCode::kInvalidData, "no tensor", path.string());
  return read_tensor(proto, {});
}

// input_0.pb, input_1.pb, … belong to the model's inputs in order, initializers left out.
std::vector<std::string> fed_inputs(const onnx::GraphProto& graph) {
  std::set<std::string> initialized;
  for (const onnx::TensorProto& tensor : graph.initializer()) initialized.insert(tensor.name());
  std::vector<std::string> names;
  for (const onnx::ValueInfoProto& value : graph.input()) {
    if (!initialized.contains(value.name())) names.push_back(value.name());
  }
  return names;
}

Status run_data_set(FloatExecutor& executor, const TestCase& test, const fs::path& data) {
  const Graph& graph = executor.graph();
  const std::vector<std::string> names = fed_inputs(test.model.graph());
  std::map<std::string, Tensor> given;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const fs::path path = data / ("input_" + std::to_string(i) + ".pb");
    if (!fs::exists(path)) continue;
    QUANT_TRY_ASSIGN(Tensor tensor, read_tensor_file(path));
    given.insert_or_assign(names[i], std::move(tensor));
  }
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs) {
    const auto found = given.find(graph.value(id).name);
    if (found == given.end())
      return fail(ErrorCode::kNotFound, "no data for this input", graph.value(id).name);
    inputs.push_back(found->second);
  }
  std::vector<Tensor> outputs;
  QUANT_TRY(executor.run(inputs, outputs));
  if (fs::exists(data / ("output_" + std::to_string(outputs.size()) + ".pb"))) {
    return fail(ErrorCode::kInvalidData, "the graph has lost an output");
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    QUANT_TRY_ASSIGN(const Tensor expected,
                     read_tensor_file(data / ("output_" + std::to_string(i) + ".pb")));
    const std::string message = difference(outputs[i], expected);
    if (!message.empty())
      return fail(ErrorCode::kInvalidData, message, graph.value(graph.outputs[i]).name);
  }
  return {};
}

Status run_case(const TestCase& test) {
  QUANT_TRY_ASSIGN(Graph graph,
                   read_onnx_file(test.directory / "model.onnx", {.allow_dynamic = true}));
  QUANT_TRY_ASSIGN(FloatExecutor executor,
                   FloatExecutor::create(std::make_shared<const Graph>(std::move(graph))));
  int data_sets = 0;
  for (const auto& entry : fs::directory_iterator(test.directory)) {
    if (!entry.is_directory()) continue;
    QUANT_TRY(run_data_set(executor, test, entry.path()));
    ++data_sets;
  }
  if (data_sets == 0) return fail(ErrorCode::kNotFound, "the case has no data");
  return {};
}

TEST(Conformance, OnnxOperatorTests) {
  if (!fs::exists(kDataDirectory)) GTEST_SKIP() << "package libonnx-testdata is not installed";
  int passed = 0;
  int failed = 0;
  std::map<std::string, int> skipped;
  std::set<std::string> used;
  for (const TestCase& test : all_cases()) {
    if (const auto reason = skip_reason(test, used)) {
      ++skipped[*reason];
      continue;
    }
    if (const Status status = run_case(test); status) {
      ++passed;
    } else {
      ++failed;
      ADD_FAILURE() << test.name << ": " << status.error().text();
    }
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  for (const auto& [reason, count] : skipped)
    std::printf("%4d skipped: %s\n", count, reason.c_str());
  EXPECT_GE(passed, 450);
  for (const Reason& reason : kOperatorsLeftOut)
    EXPECT_TRUE(used.contains(reason.what)) << reason.what << " has no case";
  for (const Reason& reason : kCasesLeftOut)
    EXPECT_TRUE(used.contains(reason.what)) << reason.what << " has no case";
}

}  // namespace
}  // namespace quant
