// SPDX-License-Identifier: MIT
// Every operator of the graph: ONNX's, under ONNX's names and with the semantics of opset 21 (the
// reader rewrites older forms), and a few of our own that passes and lowering make.
#pragma once

#include <optional>
#include <string_view>

namespace quant {

// clang-format off
#define QUANT_ONNX_OPS(X) \
  X(Abs) X(Acos) X(Acosh) X(Add) X(And) X(ArgMax) X(ArgMin) X(Asin) X(Asinh) X(Atan) X(Atanh) \
  X(AveragePool) X(BatchNormalization) X(BitShift) X(Cast) X(Ceil) X(Celu) X(Clip) X(Compress) X(Concat) \
  X(ConstantOfShape) X(Conv) X(ConvTranspose) X(Cos) X(Cosh) X(CumSum) X(DepthToSpace) X(DequantizeLinear) X(Det) \
  X(Div) X(Dropout) X(Einsum) X(Elu) X(Equal) X(Erf) X(Exp) X(Expand) X(EyeLike) X(Flatten) X(Floor) \
  X(Gather) X(GatherElements) X(GatherND) X(Gelu) X(Gemm) X(GlobalAveragePool) X(GlobalLpPool) X(GlobalMaxPool) \
  X(Greater) X(GreaterOrEqual) X(GridSample) X(GroupNormalization) X(HardSigmoid) X(HardSwish) X(Hardmax) X(Identity) \
  X(InstanceNormalization) X(IsInf) X(IsNaN) X(LayerNormalization) X(LeakyRelu) X(Less) X(LessOrEqual) X(Log) \
  X(LogSoftmax) X(LpNormalization) X(LpPool) X(LRN) X(MatMul) X(Max) X(MaxPool) X(Mean) X(MeanVarianceNormalization) \
  X(Min) X(Mish) X(Mod) X(Mul) X(Neg) X(NonMaxSuppression) X(NonZero) X(Not) X(OneHot) X(Or) X(Pad) X(Pow) \
  X(PRelu) X(QLinearConv) X(QLinearMatMul) X(QuantizeLinear) X(Range) X(Reciprocal) X(ReduceL1) X(ReduceL2) X(ReduceLogSum) \
  X(ReduceLogSumExp) X(ReduceMax) X(ReduceMean) X(ReduceMin) X(ReduceProd) X(ReduceSum) X(ReduceSumSquare) \
  X(Relu) X(Reshape) X(Resize) X(RoiAlign) X(Round) X(ScatterElements) X(ScatterND) X(Selu) X(Shape) X(Shrink) \
  X(Sigmoid) X(Sign) X(Sin) X(Sinh) X(Size) X(Slice) X(Softmax) X(Softplus) X(Softsign) X(SpaceToDepth) X(Split) \
  X(Sqrt) X(Squeeze) X(Sub) X(Sum) X(Tan) X(Tanh) X(ThresholdedRelu) X(Tile) X(TopK) X(Transpose) X(Trilu) \
  X(Unsqueeze) X(Where) X(Xor)

// Normalization: (x − mean[c]) / std[c]; attributes mean, std (one per channel or one). Channel axis 1.
// Silu: x · sigmoid(x).
// Lookup: x through a table of 256 or 65536 entries of the output type; in float graphs by x's integer under attributes scale, zero_point.
// Requantize: the same real values under the output's quantization parameters. Integer graph only.
#define QUANT_OWN_OPS(X) X(Normalization) X(Silu) X(Lookup) X(Requantize)
// clang-format on

enum class OpKind {
#define QUANT_ENUMERATOR(name) k##name,
  QUANT_ONNX_OPS(QUANT_ENUMERATOR) QUANT_OWN_OPS(QUANT_ENUMERATOR)
#undef QUANT_ENUMERATOR
};

// "Conv", "ReduceMean", …
const char* to_string(OpKind kind);
std::optional<OpKind> op_kind_from_string(std::string_view name);

}  // namespace quant
