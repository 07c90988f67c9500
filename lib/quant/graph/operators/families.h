// SPDX-License-Identifier: MIT
// The operator table in parts, one source file a family.
#pragma once

#include <span>

#include "quant/graph/operator.h"

namespace quant {

std::span<const Operator> unary_operators();        // Abs, Exp, Round, …; Identity, Dropout
std::span<const Operator> activation_operators();   // Relu, Gelu, Silu, …
std::span<const Operator> binary_operators();       // Add, Sub, Mul, Div, Mod, Pow, BitShift, PRelu
std::span<const Operator> variadic_operators();     // Sum, Mean, Max, Min; Clip, Where
std::span<const Operator> cast_operators();         // Cast
std::span<const Operator> comparison_operators();   // comparisons, logic, IsNaN, IsInf
std::span<const Operator> reduction_operators();    // Reduce*
std::span<const Operator> axis_scan_operators();    // ArgMax, ArgMin, CumSum
std::span<const Operator> reshape_operators();      // Reshape, Flatten, Squeeze, Unsqueeze
std::span<const Operator> transpose_operators();    // Transpose, DepthToSpace, SpaceToDepth
std::span<const Operator> concat_operators();       // Concat, Split
std::span<const Operator> pad_operators();          // Pad
std::span<const Operator> replicate_operators();    // Tile, Expand
std::span<const Operator> trilu_operators();        // Trilu
std::span<const Operator> slice_operators();        // Slice
std::span<const Operator> gather_operators();       // Gather, GatherElements, GatherND
std::span<const Operator> scatter_operators();      // ScatterElements, ScatterND
std::span<const Operator> selection_operators();    // TopK, OneHot, NonZero, Compress
std::span<const Operator> shape_operators();        // Shape, Size, Range, ConstantOfShape, EyeLike
std::span<const Operator> convolution_operators();  // Conv, ConvTranspose
std::span<const Operator> pooling_operators();      // MaxPool, AveragePool, LpPool, Global*
std::span<const Operator> matmul_operators();       // MatMul, Gemm, Einsum, Det
std::span<const Operator> normalization_operators();  // Batch-, Instance-, Layer-, Group-, Lp-,
                                                      // LRN, MeanVariance, own Normalization
std::span<const Operator> softmax_operators();        // Softmax, LogSoftmax, Hardmax
std::span<const Operator> resize_operators();         // Resize, GridSample
std::span<const Operator> detection_operators();      // NonMaxSuppression, RoiAlign
std::span<const Operator>
quantization_operators();  // QuantizeLinear, DequantizeLinear, QLinearConv, QLinearMatMul

}  // namespace quant
