// SPDX-License-Identifier: MIT
#include "quant/onnx/qdq_host_part.h"

#include <fmt/format.h>

#include "quant/onnx/qdq_opset.h"

namespace quant {
namespace {

class HostWriter {
 public:
  HostWriter(const Graph& host, const std::vector<std::string>& inputs, int opset, QdqGraph& out)
      : host_(host), opset_(opset), out_(out), names_(host.values.size()) {
    for (std::size_t i = 0; i < inputs.size(); ++i) name(host.inputs[i]) = inputs[i];
  }

  Status write() {
    for (const Node& node : host_.nodes) {
      if (auto status = write_node(node); !status)
        return fail_with_context(std::move(status).error(), node.name);
    }
    for (const ValueId id : host_.outputs) QUANT_TRY(write_output(id));
    return {};
  }

 private:
  std::string& name(ValueId id) { return names_[static_cast<std::size_t>(id)]; }

  std::string read(ValueId id) {
    if (id == kNoValue) return {};
    const Value& value = host_.value(id);
    if (name(id).empty() && value.constant) {
      name(id) = out_.claim(value.name);
      out_.add_constant(name(id), *value.constant);
    }
    return name(id);
  }

  Status write_node(const Node& original) {
    const Node node = in_opset(host_, original, opset_);
    std::vector<std::string> inputs;
    for (const ValueId id : node.inputs) inputs.push_back(read(id));
    std::vector<std::string> outputs;
    for (const ValueId id : node.outputs)
      outputs.push_back(id == kNoValue ? std::string()
                                       : name(id) = out_.claim(host_.value(id).name));
    switch (node.op) {
      case OpKind::kSilu: {
        const std::string gate = out_.derive(outputs[0], "_gate");
        out_.add_node("Sigmoid", node.name + "/Sigmoid", inputs, {gate});
        out_.add_node("Mul", node.name, {inputs[0], gate}, outputs);
        return {};
      }
      case OpKind::kNormalization:
        return write_normalization(node, inputs[0], outputs[0]);
      case OpKind::kLookup:
      case OpKind::kRequantize:
        return fail(ErrorCode::kInvalidData,
                    fmt::format("{} works on integers only", to_string(node.op)));
      // ONNX's own.
      default:
        out_.add_node(to_string(node.op), node.name, inputs, outputs, node.attributes);
        return {};
    }
  }

  Status write_normalization(const Node& node, const std::string& input,
                             const std::string& output) {
    const auto per_channel = [&](const std::string& suffix) {
      const auto values = node.attributes.get<std::vector<float>>(suffix, {});
      const std::string name = out_.derive(output, "_" + suffix);
      return out_.add_constant(
          name, Tensor::from<float>({static_cast<std::int64_t>(values.size()), 1, 1}, values));
    };
    const std::string centred = out_.derive(output, "_centred");
    out_.add_node("Sub", node.name + "/mean", {input, per_channel("mean")}, {centred});
    out_.add_node("Div", node.name, {centred, per_channel("std")}, {output});
    return {};
  }

  Status write_output(ValueId id) {
    const Value& value = host_.value(id);
    const std::string source = read(id);
    if (source.empty())
      return fail(ErrorCode::kInvalidData, "nothing makes this output", value.name);
    if (source != value.name) {
      // The frame itself as an output, or a constant.
      if (out_.claim(value.name) != value.name)
        return fail(ErrorCode::kInvalidData, "another tensor has the name of this output",
                    value.name);
      out_.add_node("Identity", value.name + "/Identity", {source}, {value.name});
    }
    out_.add_output(value.name, value.type, value.shape);
    return {};
  }

  const Graph& host_;
  int opset_;
  QdqGraph& out_;
  std::vector<std::string> names_;  // by ValueId; empty until made or read
};

}  // namespace

Status write_host_part(const Graph& host, const std::vector<std::string>& inputs, int opset,
                       QdqGraph& out) {
  return HostWriter(host, inputs, opset, out).write();
}

}  // namespace quant
