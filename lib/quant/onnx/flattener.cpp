// SPDX-License-Identifier: MIT
// Flattening: names of every scope made unique, local functions written out where they are called.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <string_view>
#include <unordered_set>

#include "quant/base/text_check.h"
#include "quant/onnx/flat_model.h"

namespace quant {

// The names inside one graph or one call of a function. A subgraph sees the names around it, a
// function only its own.
struct FlatScope {
  std::shared_ptr<const FlatScope> parent;
  std::shared_ptr<const FlatScope> caller;        // of a function's body
  const onnx::FunctionProto* function = nullptr;  // whose body this is
  int depth = 0;
  std::string prefix;
  std::unordered_map<std::string, std::string> names;  // in the file → in the flat model
  AttributeProtos bound;                               // what ref_attr_name may name
  std::int64_t opset = 0;

  const std::string* find(const std::string& name) const {
    for (const FlatScope* scope = this; scope != nullptr; scope = scope->parent.get()) {
      const auto found = scope->names.find(name);
      if (found != scope->names.end()) return &found->second;
    }
    return nullptr;
  }
  const onnx::AttributeProto* find_bound(const std::string& name) const {
    for (const FlatScope* scope = this; scope != nullptr; scope = scope->parent.get()) {
      const auto found = scope->bound.find(name);
      if (found != scope->bound.end()) return found->second;
    }
    return nullptr;
  }
};

namespace {

constexpr std::int64_t kMinOpset = 1;
constexpr std::int64_t kMaxOpset = 21;
// Hostile nesting doubles at every level; real exporters stay below 20 levels and 50,000 nodes.
constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxNodes = 200'000;
constexpr std::size_t kMaxNameBytes = std::size_t{1} << 26;

bool is_default_domain(std::string_view domain) { return domain.empty() || domain == "ai.onnx"; }

Status check_name(const std::string& name) {
  if (is_printable(name)) return {};
  return fail(ErrorCode::kInvalidData, "a tensor or node name is no printable UTF-8 text");
}

// A field that the messages of older packages do not know: kept by protobuf among the unknown
// fields.
std::vector<std::string> field_bytes(const google::protobuf::Message& message, int number) {
  std::vector<std::string> result;
  const auto& reflection = *message.GetReflection();
  if (const auto* field = message.GetDescriptor()->FindFieldByNumber(number)) {
    using google::protobuf::FieldDescriptor;
    const bool is_message = field->type() == FieldDescriptor::TYPE_MESSAGE;
    if (field->is_repeated()) {
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        result.push_back(is_message
                             ? reflection.GetRepeatedMessage(message, field, i).SerializeAsString()
                             : reflection.GetRepeatedString(message, field, i));
      }
    } else if (reflection.HasField(message, field)) {
      result.push_back(is_message ? reflection.GetMessage(message, field).SerializeAsString()
                                  : reflection.GetString(message, field));
    }
    return result;
  }
  const auto& unknown = reflection.GetUnknownFields(message);
  for (int i = 0; i < unknown.field_count(); ++i) {
    const auto& field = unknown.field(i);
    if (field.number() == number &&
        field.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED) {
      result.emplace_back(field.length_delimited());
    }
  }
  return result;
}

constexpr int kFunctionAttributeDefaults = 11;  // FunctionProto.attribute_proto, since ONNX 1.13
constexpr int kFunctionOverload = 13;           // FunctionProto.overload, since ONNX 1.16
constexpr int kNodeOverload = 8;                // NodeProto.overload, since ONNX 1.16

std::string first_or_empty(const std::vector<std::string>& texts) {
  return texts.empty() ? std::string() : texts.front();
}

// What a graph and the graphs inside it read from around them, as names in the file.
void collect_captured(const onnx::GraphProto& graph, std::unordered_set<std::string> inner,
                      int depth, std::vector<std::string>& captured) {
  if (depth > kMaxDepth) return;
  for (const auto& input : graph.input()) inner.insert(input.name());
  for (const auto& tensor : graph.initializer()) inner.insert(tensor.name());
  for (const auto& tensor : graph.sparse_initializer()) inner.insert(tensor.values().name());
  for (const auto& node : graph.node()) inner.insert(node.output().begin(), node.output().end());
  const auto read = [&](const std::string& name) {
    if (!name.empty() && !inner.contains(name)) captured.push_back(name);
  };
  for (const auto& node : graph.node()) {
    for (const auto& input : node.input()) read(input);
    for (const auto& attribute : node.attribute()) {
      if (attribute.has_g()) collect_captured(attribute.g(), inner, depth + 1, captured);
      for (const auto& g : attribute.graphs()) collect_captured(g, inner, depth + 1, captured);
    }
  }
  for (const auto& output : graph.output()) read(output.name());
}

}  // namespace

class Flattener::Impl {
 public:
  explicit Impl(const onnx::ModelProto& model) : model_(model) {}

  NameSet names;

  Result<FlatModel> flatten() {
    QUANT_TRY(index_functions());
    auto scope = std::make_shared<FlatScope>();
    QUANT_TRY_ASSIGN(scope->opset, opset_of(model_.opset_import()));
    if (model_.opset_import().empty()) scope->opset = kMinOpset;
    const onnx::GraphProto& graph = model_.graph();
    QUANT_TRY(check_name(graph.name()));
    FlatModel flat;
    std::unordered_set<std::string> initializers;
    for (const auto& tensor : graph.initializer()) initializers.insert(tensor.name());
    for (const auto& tensor : graph.sparse_initializer()) {
      initializers.insert(tensor.values().name());
    }
    for (const auto& input : graph.input()) {
      if (initializers.contains(input.name())) continue;
      QUANT_TRY(define_top(input.name(), "is a graph input"));
      flat.inputs.push_back(&input);
    }
    for (const auto& tensor : graph.initializer()) {
      QUANT_TRY(define_top(tensor.name(), "is an initializer"));
      flat.initializers.emplace(tensor.name(), &tensor);
    }
    for (const auto& tensor : graph.sparse_initializer()) {
      QUANT_TRY(define_top(tensor.values().name(), "is an initializer"));
      flat.sparse_initializers.emplace(tensor.values().name(), &tensor);
    }
    for (const auto& node : graph.node()) {
      for (const auto& output : node.output()) {
        if (output.empty()) continue;
        QUANT_TRY(define_top(output, fmt::format("is made by node '{}'", node.name())));
      }
    }
    for (const std::string& name : top_names_) scope->names.emplace(name, name);
    for (const auto& node : graph.node()) QUANT_TRY(add_node(node, scope, flat));
    for (const auto& output : graph.output()) flat.outputs.push_back(output.name());
    return flat;
  }

  Result<FlatModel> flatten_subgraph(const FlatNode& owner, const onnx::GraphProto& graph) {
    auto scope = std::make_shared<FlatScope>();
    scope->parent = owner.scope;
    scope->prefix = owner.name + "/";
    scope->opset = owner.opset;
    QUANT_TRY(set_depth(*scope, *owner.scope));
    FlatModel flat;
    if (graph.input_size() > 0) {
      return fail(ErrorCode::kInvalidData, "a branch of If has inputs of its own");
    }
    for (const auto& tensor : graph.initializer()) {
      QUANT_TRY_ASSIGN(const std::string name, define(*scope, tensor.name()));
      flat.initializers.emplace(name, &tensor);
    }
    for (const auto& tensor : graph.sparse_initializer()) {
      QUANT_TRY_ASSIGN(const std::string name, define(*scope, tensor.values().name()));
      flat.sparse_initializers.emplace(name, &tensor);
    }
    for (const auto& node : graph.node()) {
      for (const auto& output : node.output()) {
        if (!output.empty()) QUANT_TRY(define(*scope, output));
      }
    }
    for (const auto& node : graph.node()) QUANT_TRY(add_node(node, scope, flat));
    for (const auto& output : graph.output())
      flat.outputs.push_back(resolve(*scope, output.name()));
    return flat;
  }

 private:
  using FunctionKey = std::string;

  static FunctionKey key_of(const std::string& domain, const std::string& name,
                            const std::string& overload) {
    return fmt::format("{}\n{}\n{}", is_default_domain(domain) ? "" : domain, name, overload);
  }

  Status index_functions() {
    for (const auto& function : model_.functions()) {
      const std::string overload = first_or_empty(field_bytes(function, kFunctionOverload));
      if (!functions_.emplace(key_of(function.domain(), function.name(), overload), &function)
               .second) {
        return fail(ErrorCode::kInvalidData, "two local functions have this name", function.name());
      }
    }
    return {};
  }

  // 0 where the default domain is not imported.
  template <typename Imports>
  static Result<std::int64_t> opset_of(const Imports& imports) {
    std::int64_t version = 0;
    for (const auto& import : imports) {
      if (is_default_domain(import.domain()))
        version = std::max<std::int64_t>(version, import.version());
      if (!is_default_domain(import.domain())) continue;
      if (import.version() > kMaxOpset) {
        return fail(ErrorCode::kUnsupported,
                    fmt::format("the model uses opset {}; up to {} is supported (export it with "
                                "opset_version={})",
                                import.version(), kMaxOpset, kMaxOpset));
      }
      if (import.version() < kMinOpset) {
        return fail(ErrorCode::kInvalidData,
                    fmt::format("opset {} does not exist", import.version()));
      }
    }
    return version;
  }

  Status define_top(const std::string& name, const std::string& role) {
    QUANT_TRY(check_name(name));
    if (name.empty())
      return fail(ErrorCode::kInvalidData, fmt::format("a tensor that {} has no name", role));
    if (!names.insert(name)) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("the tensor '{}' {}, but the name is taken already", name, role));
    }
    top_names_.push_back(name);
    return {};
  }

  static Status set_depth(FlatScope& scope, const FlatScope& outer) {
    scope.depth = outer.depth + 1;
    if (scope.depth <= kMaxDepth) return {};
    return fail(
        ErrorCode::kOutOfRange,
        fmt::format("functions and subgraphs are nested more than {} levels deep", kMaxDepth));
  }

  // Prefixes grow with every level.
  Status count_name(const std::string& name) {
    name_bytes_ += name.size();
    if (name_bytes_ <= kMaxNameBytes) return {};
    return fail(ErrorCode::kOutOfRange, "the names of inlined nodes take too much memory");
  }

  Result<std::string> define(FlatScope& scope, const std::string& name) {
    QUANT_TRY(check_name(name));
    std::string fresh = names.unique(scope.prefix + name);
    QUANT_TRY(count_name(fresh));
    if (!scope.names.emplace(name, fresh).second) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("the tensor '{}' is made twice in '{}'", name, scope.prefix));
    }
    return fresh;
  }

  static std::string resolve(const FlatScope& scope, const std::string& name) {
    if (name.empty()) return {};
    const std::string* found = scope.find(name);
    // Nobody makes it; sort_nodes says so if anybody needs it.
    return found == nullptr ? scope.prefix + name : *found;
  }

  Status add_node(const onnx::NodeProto& proto, const std::shared_ptr<const FlatScope>& scope,
                  FlatModel& flat) {
    if (++node_count_ > kMaxNodes) {
      return fail(ErrorCode::kOutOfRange,
                  fmt::format("the model has more than {} nodes after its functions are inlined",
                              kMaxNodes));
    }
    FlatNode node;
    node.op_type = proto.op_type();
    node.domain = is_default_domain(proto.domain()) ? "" : proto.domain();
    node.opset = scope->opset;
    node.scope = scope;
    for (const auto& input : proto.input()) node.inputs.push_back(resolve(*scope, input));
    for (const auto& output : proto.output()) node.outputs.push_back(resolve(*scope, output));
    const auto first = std::find_if(node.outputs.begin(), node.outputs.end(),
                                    [](const std::string& output) { return !output.empty(); });
    node.name = proto.name().empty() ? (first == node.outputs.end() ? node.op_type : *first)
                                     : scope->prefix + proto.name();
    QUANT_TRY(check_name(node.name));
    QUANT_TRY(count_name(node.name));
    QUANT_TRY(check_name(node.op_type));
    QUANT_TRY(check_name(node.domain));
    bind_attributes(proto, *scope, node);
    if (const onnx::FunctionProto* function = find_function(proto)) {
      return inline_function(*function, node, flat);
    }
    flat.nodes.push_back(std::move(node));
    return {};
  }

  const onnx::FunctionProto* find_function(const onnx::NodeProto& proto) const {
    if (functions_.empty()) return nullptr;
    const std::string overload = first_or_empty(field_bytes(proto, kNodeOverload));
    const auto found = functions_.find(key_of(proto.domain(), proto.op_type(), overload));
    return found == functions_.end() ? nullptr : found->second;
  }

  void bind_attributes(const onnx::NodeProto& proto, const FlatScope& scope, FlatNode& node) {
    for (const auto& attribute : proto.attribute()) {
      const onnx::AttributeProto* bound = &attribute;
      if (!attribute.ref_attr_name().empty()) {
        bound = scope.find_bound(attribute.ref_attr_name());
        // The caller did not give it: absent here too.
        if (bound == nullptr) continue;
      }
      node.attributes.emplace(attribute.name(), bound);
      std::vector<std::string> captured;
      if (bound->has_g()) collect_captured(bound->g(), {}, 0, captured);
      for (const auto& graph : bound->graphs()) collect_captured(graph, {}, 0, captured);
      for (const std::string& name : captured) node.captured.push_back(resolve(scope, name));
    }
  }

  Status inline_function(const onnx::FunctionProto& function, const FlatNode& call,
                         FlatModel& flat) {
    for (const FlatScope* outer = call.scope.get(); outer != nullptr;
         outer = outer->caller ? outer->caller.get() : outer->parent.get()) {
      if (outer->function == &function) {
        return fail(ErrorCode::kInvalidData, "this local function calls itself", function.name());
      }
    }
    if (call.inputs.size() > static_cast<std::size_t>(function.input_size()) ||
        call.outputs.size() > static_cast<std::size_t>(function.output_size())) {
      return fail(
          ErrorCode::kInvalidData,
          fmt::format("node '{}' gives the local function '{}' more inputs or outputs than it has",
                      call.name, function.name()));
    }
    auto scope = std::make_shared<FlatScope>();
    scope->caller = call.scope;
    scope->function = &function;
    scope->prefix = call.name + "/";
    QUANT_TRY(set_depth(*scope, *call.scope));
    scope->bound = call.attributes;
    QUANT_TRY(add_attribute_defaults(function, *scope));
    QUANT_TRY_ASSIGN(scope->opset, opset_of(function.opset_import()));
    if (scope->opset == 0) scope->opset = call.opset;
    for (int i = 0; i < function.input_size(); ++i) {
      const auto index = static_cast<std::size_t>(i);
      scope->names[function.input(i)] = index < call.inputs.size() ? call.inputs[index] : "";
    }
    // A node's output that leaves the function has the name that the caller gave it.
    std::unordered_map<std::string, std::string> leaving;
    std::vector<FlatNode> copies;
    for (std::size_t i = 0; i < call.outputs.size(); ++i) {
      if (call.outputs[i].empty()) continue;
      const std::string& inner = function.output(static_cast<int>(i));
      if (scope->names.contains(inner) || !leaving.emplace(inner, call.outputs[i]).second) {
        copies.push_back(copy_node(call, inner, call.outputs[i]));
      }
    }
    for (const auto& node : function.node()) {
      for (const auto& output : node.output()) {
        if (output.empty()) continue;
        const auto out = leaving.find(output);
        if (out == leaving.end()) {
          QUANT_TRY(define(*scope, output));
        } else if (!scope->names.emplace(output, out->second).second) {
          return fail(ErrorCode::kInvalidData,
                      fmt::format("the tensor '{}' is made twice in a local function", output),
                      function.name());
        }
      }
    }
    for (const auto& node : function.node()) QUANT_TRY(add_node(node, scope, flat));
    for (FlatNode& copy : copies) {
      copy.inputs.front() = resolve(*scope, copy.inputs.front());
      flat.nodes.push_back(std::move(copy));
    }
    return {};
  }

  // An output of a function that is one of its inputs, or a second name for an output.
  static FlatNode copy_node(const FlatNode& call, const std::string& from, const std::string& to) {
    FlatNode node;
    node.op_type = "Identity";
    node.name = call.name;
    node.opset = call.opset;
    node.inputs = {from};
    node.outputs = {to};
    node.scope = call.scope;
    return node;
  }

  Status add_attribute_defaults(const onnx::FunctionProto& function, FlatScope& scope) {
    for (const std::string& bytes : field_bytes(function, kFunctionAttributeDefaults)) {
      onnx::AttributeProto& attribute = defaults_.emplace_back();
      if (!attribute.ParseFromString(bytes)) {
        return fail(ErrorCode::kInvalidData, "an attribute default is damaged", function.name());
      }
      scope.bound.emplace(attribute.name(), &attribute);
    }
    return {};
  }

  const onnx::ModelProto& model_;
  std::unordered_map<FunctionKey, const onnx::FunctionProto*> functions_;
  std::vector<std::string> top_names_;
  std::deque<onnx::AttributeProto> defaults_;  // stable addresses
  std::size_t node_count_ = 0;
  std::size_t name_bytes_ = 0;
};

Flattener::Flattener(const onnx::ModelProto& model) : impl_(std::make_unique<Impl>(model)) {}
Flattener::~Flattener() = default;
Result<FlatModel> Flattener::flatten() { return impl_->flatten(); }
Result<FlatModel> Flattener::flatten_subgraph(const FlatNode& node, const onnx::GraphProto& graph) {
  return impl_->flatten_subgraph(node, graph);
}
NameSet& Flattener::names() { return impl_->names; }

}  // namespace quant
