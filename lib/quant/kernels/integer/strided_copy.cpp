// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/strided_copy.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <numeric>

#include "quant/kernels/integer/chunks.h"
#include "quant/kernels/integer/element_types.h"
#include "quant/kernels/integer/move_kernels.h"
#include "quant/kernels/integer/span_kernels.h"

namespace quant::integer {
namespace {

// Tile of the two-dimensional case, in both directions: rows of input and output stay in the cache.
constexpr std::int64_t kTile = 32;

// Rows of one piece of work.
constexpr std::int64_t kRows = 128;

struct Axis {
  std::int64_t size = 1, in = 0, out = 0;
};

// Axes of size 1 dropped, the rest by falling output stride, neighbours joined that advance evenly
// in both.
std::vector<Axis> merged_axes(const StridedCopySpec& spec) {
  std::vector<Axis> axes;
  for (std::size_t i = 0; i < spec.shape.size(); ++i) {
    if (spec.shape[i] != 1)
      axes.push_back({spec.shape[i], spec.in_strides[i], spec.out_strides[i]});
  }
  std::stable_sort(axes.begin(), axes.end(),
                   [](const Axis& a, const Axis& b) { return std::abs(a.out) > std::abs(b.out); });
  std::vector<Axis> merged;
  for (const Axis& axis : axes) {
    if (!merged.empty() && merged.back().in == axis.in * axis.size &&
        merged.back().out == axis.out * axis.size) {
      merged.back() = {merged.back().size * axis.size, axis.in, axis.out};
    } else {
      merged.push_back(axis);
    }
  }
  return merged;
}

// Where the two inner axes begin, for each index of the others in turn. Divides for the first one
// only: a box may be as small as a pixel.
class Box {
 public:
  Box(const StridedCopySpec& spec, std::int64_t index)
      : spec_(spec), in_(spec.in_offset), out_(spec.out_offset) {
    for (std::size_t axis = spec.shape.size() - 2; axis-- > 0;) {
      index_[axis] = index % spec.shape[axis];
      index /= spec.shape[axis];
      in_ += index_[axis] * spec.in_strides[axis];
      out_ += index_[axis] * spec.out_strides[axis];
    }
  }

  std::int64_t in() const { return in_; }
  std::int64_t out() const { return out_; }

  void next() {
    for (std::size_t axis = spec_.shape.size() - 2; axis-- > 0;) {
      in_ += spec_.in_strides[axis];
      out_ += spec_.out_strides[axis];
      if (++index_[axis] < spec_.shape[axis]) return;
      in_ -= spec_.shape[axis] * spec_.in_strides[axis];
      out_ -= spec_.shape[axis] * spec_.out_strides[axis];
      index_[axis] = 0;
    }
  }

 private:
  const StridedCopySpec& spec_;
  std::int64_t in_, out_;
  std::array<std::int64_t, 12> index_ = {};
};

// Two axes, the last with any strides, tile by tile: out = element(in).
template <typename In, typename Out, typename Function>
void copy_tiles(const Axis& rows, const Axis& columns, const In* in, Out* out,
                const Function& element) {
  for (std::int64_t r0 = 0; r0 < rows.size; r0 += kTile) {
    const std::int64_t r1 = std::min(r0 + kTile, rows.size);
    for (std::int64_t c0 = 0; c0 < columns.size; c0 += kTile) {
      const std::int64_t c1 = std::min(c0 + kTile, columns.size);
      for (std::int64_t r = r0; r < r1; ++r) {
        for (std::int64_t c = c0; c < c1; ++c) {
          out[r * rows.out + c * columns.out] = element(in[r * rows.in + c * columns.in]);
        }
      }
    }
  }
}

// The vectors that copy such rows and columns, and the step that they take along the input.
template <typename T>
struct Move {
  decltype(MoveKernels<T>::rows) run = nullptr;
  std::int64_t in_step = 0;
};
template <typename T>
Move<T> choose_move(const MoveKernels<T>* kernels, const Axis& rows, const Axis& columns) {
  if (kernels == nullptr || columns.out != 1) return {};
  if (columns.in == 1) return {kernels->rows, rows.in};
  if (columns.in == 2) return {kernels->every_second, rows.in};
  if (rows.in == 1 && columns.in > 0 && rows.out > 0) return {kernels->transpose, columns.in};
  return {};
}

// Whether it shuffles the channels of pixels, in two groups: a pixel is too little for a call.
bool interleaves(const StridedCopySpec& spec) {
  return !spec.table && spec.shape.size() == 3 && spec.in_strides[1] == 1 &&
         spec.out_strides[1] == 2 && spec.shape[2] == 2 && spec.out_strides[2] == 1;
}
template <typename T>
void interleave(const MoveKernels<T>& kernels, const StridedCopySpec& spec, const T* in, T* out,
                ThreadPool& pool) {
  const std::int64_t in_step = spec.in_strides[0];
  const std::int64_t out_step = spec.out_strides[0];
  in += spec.in_offset;
  out += spec.out_offset;
  for_row_chunks(spec.shape[0], 2 * spec.shape[1], pool, [&](std::int64_t begin, std::int64_t end) {
    kernels.interleave(in + begin * in_step, in_step, spec.in_strides[2], out + begin * out_step,
                       out_step, end - begin, spec.shape[1]);
  });
}

// Elements that wait on the stack, moved but not looked up: as many columns at most, in as many
// rows as a transpose moves at once or more. In place, vectors of one row would wait for those that
// have just been stored to its neighbour.
constexpr std::int64_t kMoved = 4096;
constexpr std::int64_t kMovedColumns = 256;

// As `move`, then through a table.
template <typename T>
void move_and_look_up(const Move<T>& move, const SpanKernels& kernels, const Axis& rows,
                      const Axis& columns, const T* in, T* out, const LookupTable& table) {
  T moved[kMoved];
  for (std::int64_t c = 0; c < columns.size; c += kMovedColumns) {
    const std::int64_t width = std::min(kMovedColumns, columns.size - c);
    const std::int64_t most = kMoved / width;
    for (std::int64_t r = 0; r < rows.size; r += most) {
      const std::int64_t count = std::min(most, rows.size - r);
      move.run(in + r * rows.in + c * columns.in, move.in_step, moved, width, count, width);
      T* to = out + r * rows.out + c;
      if (rows.out == width) {
        lookup_span(kernels, moved, to, count * width, table);
      } else {
        lookup_rows(kernels, moved, width, to, rows.out, count, width, table);
      }
    }
  }
}

}  // namespace

StridedCopy::StridedCopy(const StridedCopySpec& spec, Isa isa) : spec_(spec), isa_(isa) {
  std::vector<Axis> axes = merged_axes(spec);
  // Two inner axes, so that run() has one form. Between the innermost by output and the one by
  // input lies the transpose that tiles are for: they become the inner two.
  while (axes.size() < 2) axes.insert(axes.begin(), Axis{1, 0, 0});
  const auto nearest =
      std::min_element(axes.begin(), axes.end() - 1, [](const Axis& a, const Axis& b) {
        const auto step = [](const Axis& axis) {
          return axis.in == 0 ? std::int64_t{1} << 62 : std::abs(axis.in);
        };
        return step(a) < step(b);
      });
  if (axes.back().in != 1) std::rotate(nearest, nearest + 1, axes.end() - 1);
  spec_.shape.clear();
  spec_.in_strides.clear();
  spec_.out_strides.clear();
  for (const Axis& axis : axes) {
    spec_.shape.push_back(axis.size);
    spec_.in_strides.push_back(axis.in);
    spec_.out_strides.push_back(axis.out);
  }
  if (spec_.table && is_identity(*spec_.table)) {
    spec_.type = spec_.table->input;
    spec_.table.reset();
  }
}

void StridedCopy::run(const void* input, void* output, ThreadPool& pool) const {
  if (size_of(spec_.type) == sizeof(std::uint32_t) && !spec_.table) {
    return run_as(static_cast<const std::uint32_t*>(input), static_cast<std::uint32_t*>(output),
                  pool);
  }
  with_elements(
      [&]<typename In, typename Out>(Element<In>, Element<Out>) {
        run_as(static_cast<const In*>(input), static_cast<Out*>(output), pool);
      },
      spec_.table ? spec_.table->input : spec_.type,
      spec_.table ? spec_.table->output : spec_.type);
}

template <typename In, typename Out>
void StridedCopy::run_as(const In* input, Out* output, ThreadPool& pool) const {
  if constexpr (std::is_same_v<In, Out>) {
    const MoveKernels<In>* kernels = move_kernels<In>(isa_);
    if (kernels != nullptr && interleaves(spec_))
      return interleave(*kernels, spec_, input, output, pool);
  }
  const std::size_t rank = spec_.shape.size();
  const Axis rows{spec_.shape[rank - 2], spec_.in_strides[rank - 2], spec_.out_strides[rank - 2]};
  const Axis columns{spec_.shape[rank - 1], spec_.in_strides[rank - 1],
                     spec_.out_strides[rank - 1]};
  std::int64_t outer = 1;
  for (std::size_t axis = 0; axis + 2 < rank; ++axis) outer *= spec_.shape[axis];
  const Move<In> move = choose_move(move_kernels<In>(isa_), rows, columns);
  const auto copy = [&](const Axis& part, const In* in, Out* out) {
    if (spec_.table && columns.in == 1 && columns.out == 1) {
      lookup_rows(span_kernels(isa_), in, part.in, out, part.out, part.size, columns.size,
                  *spec_.table);
      return;
    }
    if constexpr (std::is_same_v<In, Out>) {
      if (move.run != nullptr && !spec_.table)
        return move.run(in, move.in_step, out, part.out, part.size, columns.size);
      if (move.run != nullptr)
        return move_and_look_up(move, span_kernels(isa_), part, columns, in, out, *spec_.table);
    }
    if (spec_.table) {
      copy_tiles(part, columns, in, out, [&](In q) { return static_cast<Out>((*spec_.table)[q]); });
    } else {
      copy_tiles(part, columns, in, out, [](In q) { return static_cast<Out>(q); });
    }
  };
  // Rows are the unit of work: tall boxes split, flat ones do not.
  const std::int64_t row_blocks = (rows.size + kRows - 1) / kRows;
  for_row_chunks(outer * row_blocks, std::min(rows.size, kRows) * columns.size, pool,
                 [&](std::int64_t begin, std::int64_t end) {
                   Box box(spec_, begin / row_blocks);
                   std::int64_t first = begin % row_blocks;
                   for (std::int64_t left = end - begin; left > 0; box.next()) {
                     // As many blocks of one box as the range holds.
                     const std::int64_t blocks = std::min(row_blocks - first, left);
                     const std::int64_t row = first * kRows;
                     copy({std::min(blocks * kRows, rows.size - row), rows.in, rows.out},
                          input + box.in() + row * rows.in, output + box.out() + row * rows.out);
                     first = 0;
                     left -= blocks;
                   }
                 });
}

StridedCopySpec transpose_spec(const std::vector<std::int64_t>& in_shape,
                               const std::vector<int>& permutation) {
  const std::size_t rank = in_shape.size();
  std::vector<std::int64_t> in_strides(rank, 1);
  for (std::size_t axis = rank; axis-- > 1;) {
    in_strides[axis - 1] = in_strides[axis] * in_shape[axis];
  }
  StridedCopySpec spec;
  spec.shape.resize(rank);
  spec.in_strides.resize(rank);
  spec.out_strides.assign(rank, 1);
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const auto source = static_cast<std::size_t>(permutation[axis]);
    spec.shape[axis] = in_shape[source];
    spec.in_strides[axis] = in_strides[source];
  }
  for (std::size_t axis = rank; axis-- > 1;) {
    spec.out_strides[axis - 1] = spec.out_strides[axis] * spec.shape[axis];
  }
  return spec;
}

StridedCopySpec concat_spec(std::int64_t rows, std::int64_t width, std::int64_t out_row_stride,
                            std::int64_t out_offset) {
  StridedCopySpec spec;
  spec.shape = {rows, width};
  spec.in_strides = {width, 1};
  spec.out_strides = {out_row_stride, 1};
  spec.out_offset = out_offset;
  return spec;
}

}  // namespace quant::integer
