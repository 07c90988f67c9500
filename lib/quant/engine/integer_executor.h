// SPDX-License-Identifier: MIT
// One session of an integer plan: its memory and its threads. Bit-exact by docs/arithmetic.md, on
// every instruction set and with any number of threads.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "quant/base/aligned_buffer.h"
#include "quant/base/thread_pool.h"
#include "quant/engine/integer_plan.h"
#include "quant/tensor/tensor.h"

namespace quant {

// One thread at a time.
class IntegerExecutor {
 public:
  IntegerExecutor(std::shared_ptr<const IntegerPlan> plan, int threads);

  const IntegerPlan& plan() const { return *plan_; }
  // Tensors in the types (uint8 or uint16) and shapes of plan().outputs(), for run().
  std::vector<Tensor> make_outputs() const;

  // `inputs`: integers of the type of each of the graph's inputs, its axes in the order of memory
  // (input_shape_in_memory: a frame is (1, H, W, C); (H, W, C) will do), else InvalidArgument
  // naming the input. `outputs` as made by make_outputs(); written, not replaced. Allocates
  // nothing.
  Status run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs);
  // The same, and the microseconds that each of plan().steps() took.
  Status run_timed(std::span<const Tensor> inputs, std::vector<Tensor>& outputs,
                   std::span<double> step_us);
  Status run(const Tensor& frame, std::vector<Tensor>& outputs) {
    return run(std::span(&frame, 1), outputs);
  }

  // Bytes of memory that the session holds beside the shared plan.
  std::size_t bytes() const { return arena_.size() + scratch_.size(); }

 private:
  Status check(std::span<const Tensor> inputs) const;
  Status bind(std::span<const Tensor> inputs, std::vector<Tensor>& outputs);

  std::shared_ptr<const IntegerPlan> plan_;
  ThreadPool pool_;
  AlignedBuffer arena_;
  AlignedBuffer scratch_;
  std::vector<std::uint8_t*> buffers_;
  std::vector<Shape> input_shapes_;  // in memory
};

}  // namespace quant
