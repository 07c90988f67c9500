// SPDX-License-Identifier: MIT
#include "quant/graph/operators/onednn_engine.h"

#include <new>

#include "quant/graph/operators/onednn.h"

#if DNNL_CPU_THREADING_RUNTIME == DNNL_RUNTIME_OMP
// From the OpenMP runtime that oneDNN itself is linked with; omp.h belongs to one compiler.
extern "C" {
void omp_set_num_threads(int threads);
int omp_get_max_threads();
}
#endif

namespace quant::onednn {
namespace {

tl::unexpected<Error> library_failure(const dnnl::error& error) {
  const ErrorCode code = error.status == dnnl_unimplemented   ? ErrorCode::kUnsupported
                         : error.status == dnnl_out_of_memory ? ErrorCode::kOutOfRange
                                                              : ErrorCode::kInternal;
  return fail(code, std::string("oneDNN: ") + error.message);
}

thread_local int wanted_threads = 1;

// Sets OpenMP's number of threads for the current thread, and puts back what the application had
// there.
class OpenMpThreads {
 public:
#if DNNL_CPU_THREADING_RUNTIME == DNNL_RUNTIME_OMP
  OpenMpThreads() : before_(omp_get_max_threads()) { omp_set_num_threads(wanted_threads); }
  ~OpenMpThreads() { omp_set_num_threads(before_); }
  OpenMpThreads(const OpenMpThreads&) = delete;
  OpenMpThreads& operator=(const OpenMpThreads&) = delete;

 private:
  int before_;
#else
  OpenMpThreads() {}  // user-provided, so that an object of it counts as used
#endif
};

}  // namespace

const dnnl::engine& cpu() {
  static const auto* const engine = new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *engine;
}

Status guarded(const std::function<void()>& work) {
  const OpenMpThreads threads;
  try {
    work();
  } catch (const dnnl::error& error) {
    return library_failure(error);
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kOutOfRange, "not enough memory");
  }
  return {};
}

Dims row_major(const Dims& dims) {
  Dims strides(dims.size(), 1);
  for (std::size_t axis = dims.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * dims[axis];
  return strides;
}

Descriptor image(std::int64_t batch, std::int64_t channels,
                 const std::vector<std::int64_t>& spatial, bool channels_last) {
  Dims dims{batch, channels};
  dims.insert(dims.end(), spatial.begin(), spatial.end());
  if (!channels_last) return {dims, kFloat, row_major(dims)};
  Dims physical{batch};
  physical.insert(physical.end(), spatial.begin(), spatial.end());
  physical.push_back(channels);
  const Dims steps = row_major(physical);
  Dims strides{steps.front(), steps.back()};
  strides.insert(strides.end(), steps.begin() + 1, steps.end() - 1);
  return {dims, kFloat, strides};
}

void attach(dnnl::memory& memory, const float* data) {
  memory.set_data_handle(const_cast<float*>(data));
}

dnnl::memory unattached(const Descriptor& descriptor) { return {descriptor, cpu(), nullptr}; }

ThreadScope::ThreadScope(int threads) : before_(wanted_threads) { wanted_threads = threads; }
ThreadScope::~ThreadScope() { wanted_threads = before_; }

}  // namespace quant::onednn
