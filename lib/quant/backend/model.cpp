// SPDX-License-Identifier: MIT
#include "quant/backend/model.h"

#include <filesystem>
#include <map>
#include <mutex>
#include <tuple>

#include "quant/backend/emulator.h"
#include "quant/optimize/optimizer.h"

namespace quant {
namespace {

std::vector<TensorInfo> tensor_infos(const Graph& graph) {
  std::vector<TensorInfo> infos;
  for (const ValueId id : graph.outputs) {
    const Value& value = graph.value(id);
    infos.push_back({value.name, value.type, value.shape});
  }
  return infos;
}

OnnxReadOptions read_options(const Archive& archive) {
  OnnxReadOptions options;
  options.input_shapes = archive.input_shapes;
  options.end_nodes = archive.end_nodes;
  return options;
}

}  // namespace

struct Model::State {
  std::string path;
  Archive archive;
  std::shared_ptr<const Graph> integer;
  std::shared_ptr<const Graph> host;
  std::vector<TensorInfo> raw_outputs;
  std::vector<QuantParams> raw_params;
  std::vector<TensorInfo> outputs;

  mutable std::mutex mutex;
  mutable std::map<Isa, std::shared_ptr<const IntegerPlan>> plans;
};

Model::Model(std::unique_ptr<const State> state) : state_(std::move(state)) {}
Model::~Model() = default;

Result<std::shared_ptr<const Model>> Model::open(const std::string& path) {
  using Key = std::tuple<std::string, std::filesystem::file_time_type, std::uintmax_t>;
  static std::mutex mutex;
  static auto* const open_models = new std::map<Key, std::weak_ptr<const Model>>;

  std::error_code error;
  const auto canonical = std::filesystem::canonical(path, error);
  if (error)
    return fail(ErrorCode::kNotFound, "the model file cannot be opened: " + error.message(), path);
  const auto time = std::filesystem::last_write_time(canonical, error);
  if (error) return fail(ErrorCode::kIo, "the model file cannot be read: " + error.message(), path);
  const auto size = std::filesystem::file_size(canonical, error);
  if (error) return fail(ErrorCode::kIo, "the model file cannot be read: " + error.message(), path);

  const std::lock_guard lock(mutex);
  std::erase_if(*open_models, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<const Model>& known = (*open_models)[Key(canonical.string(), time, size)];
  if (auto model = known.lock()) return model;

  auto state = std::make_unique<State>();
  state->path = path;
  QUANT_TRY_ASSIGN(state->archive, read_archive(canonical));
  state->integer = std::make_shared<const Graph>(std::move(state->archive.model.integer));
  state->host = std::make_shared<const Graph>(std::move(state->archive.model.host));
  state->raw_outputs = tensor_infos(*state->integer);
  for (const ValueId id : state->integer->outputs)
    state->raw_params.push_back(*state->integer->value(id).quant);
  state->outputs = tensor_infos(*state->host);
  std::shared_ptr<const Model> model(new Model(std::move(state)));
  known = model;
  return model;
}

const std::string& Model::path() const { return state_->path; }
const Archive& Model::archive() const { return state_->archive; }
const InputSpec& Model::input() const { return state_->archive.model.input; }
const std::vector<TensorInfo>& Model::raw_outputs() const { return state_->raw_outputs; }
const std::vector<QuantParams>& Model::raw_params() const { return state_->raw_params; }
const std::vector<TensorInfo>& Model::outputs() const { return state_->outputs; }
const Graph& Model::integer_graph() const { return *state_->integer; }
const Graph& Model::host_graph() const { return *state_->host; }

Result<std::shared_ptr<const IntegerPlan>> Model::plan() const {
  QUANT_TRY_ASSIGN(const Isa isa, selected_isa());
  const std::lock_guard lock(state_->mutex);
  std::shared_ptr<const IntegerPlan>& plan = state_->plans[isa];
  if (!plan) {
    auto made = IntegerPlan::create(state_->integer, {isa, {}});
    if (!made) return fail_with_context(std::move(made).error(), path());
    plan = std::move(*made);
  }
  return plan;
}

Result<std::unique_ptr<Backend>> Model::make_emulator(int threads,
                                                      std::vector<ValueId> taps) const {
  if (taps.empty()) {
    QUANT_TRY_ASSIGN(auto ready, plan());
    return quant::make_emulator(std::move(ready), threads);
  }
  QUANT_TRY_ASSIGN(const Isa isa, selected_isa());
  auto tapped = IntegerPlan::create(state_->integer, {isa, std::move(taps)});
  if (!tapped) return fail_with_context(std::move(tapped).error(), path());
  return quant::make_emulator(std::move(*tapped), threads);
}

Result<std::unique_ptr<HostPart>> Model::make_host_part(int threads) const {
  return quant::make_host_part(state_->raw_params, state_->host, threads);
}

Result<std::shared_ptr<const Graph>> Model::fp_optimized() const {
  InputSpec spec = input();
  QUANT_TRY_ASSIGN(Graph graph, read_fp_optimized(state_->archive.original_onnx,
                                                  read_options(state_->archive), spec));
  return std::make_shared<const Graph>(std::move(graph));
}

Result<std::unique_ptr<Backend>> Model::make_reference(ReferenceKind kind, int threads) const {
  const Archive& archive = state_->archive;
  return quant::make_reference(
      kind, ReferenceModel{archive.original_onnx, archive.input_shapes, archive.end_nodes, {}},
      threads);
}

}  // namespace quant
