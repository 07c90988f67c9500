// SPDX-License-Identifier: MIT
// An integer graph made ready to run: kernels chosen and weights packed, memory placed. Made once a
// model, shared by every session.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "quant/base/thread_pool.h"
#include "quant/graph/graph.h"
#include "quant/kernels/integer/isa.h"

namespace quant {

// What a step finds when it runs.
struct StepContext {
  std::uint8_t* const* buffers;  // by buffer number
  std::byte* scratch;            // aligned to kBufferAlignment
  ThreadPool& pool;
};

struct IntegerStep {
  std::string layer;   // name of the layer that it belongs to
  std::string kernel;  // "conv2d avx2", "copy", …
  std::vector<int> reads;
  std::vector<int> writes;
  std::function<std::size_t(int threads)> scratch_bytes;  // may be empty: none
  // Called by all threads of the pool together (ThreadPool::run_together): memory is written in its
  // loops only.
  std::function<void(const StepContext&)> run;
  std::size_t live_bytes = 0;  // of the arena's buffers, those that others still read included
};

class IntegerPlan {
 public:
  struct Options {
    Isa isa = Isa::kRef;
    // Values that stay readable after a run beside the graph's outputs (taps). They cost memory.
    std::vector<ValueId> keep;
  };

  // Everything that a graph can get wrong is found here: after that, running cannot fail.
  // Unsupported or InvalidData name the layer. `graph` is as lower() makes it.
  static Result<std::shared_ptr<const IntegerPlan>> create(std::shared_ptr<const Graph> graph,
                                                           const Options& options);

  const Graph& graph() const { return *graph_; }
  Isa isa() const { return isa_; }
  const std::vector<IntegerStep>& steps() const { return steps_; }

  // A buffer lies in the arena, is a constant, or comes from the caller (inputs, outputs).
  struct Buffer {
    enum class Kind { kArena, kConstant, kInput, kOutput };
    Kind kind = Kind::kArena;
    std::size_t bytes = 0;
    std::size_t offset = 0;    // kArena
    ValueId value = kNoValue;  // kConstant: whose; kInput, kOutput: index into inputs, outputs()
  };
  const std::vector<Buffer>& buffers() const { return buffers_; }
  // What a run delivers, row-major in ONNX's shape: the graph's outputs, then Options::keep.
  const std::vector<ValueId>& outputs() const { return outputs_; }

  std::size_t arena_bytes() const { return arena_bytes_; }
  std::size_t scratch_bytes(int threads) const;

 private:
  friend class IntegerPlanBuilder;
  std::shared_ptr<const Graph> graph_;
  Isa isa_ = Isa::kRef;
  std::vector<IntegerStep> steps_;
  std::vector<Buffer> buffers_;
  std::vector<ValueId> outputs_;
  std::size_t arena_bytes_ = 0;
};

}  // namespace quant
