// SPDX-License-Identifier: MIT
#include "quantinfer/frame_input.h"

#include <fmt/format.h>

#include "plugin/tensor_bridge.h"

namespace quant::element {

Result<Tensor> find_input(const Model& model, GstBuffer* buffer) {
  const InputSpec& spec = model.input();
  GstQuantTensor* found = gst_buffer_get_quant_tensor(buffer, GST_QUANT_TENSOR_ROLE_INPUT,
                                                      g_quark_from_string(spec.name.c_str()));
  // Another model's normalizer may have called its tensor differently.
  if (!found) found = gst_buffer_get_quant_tensor(buffer, GST_QUANT_TENSOR_ROLE_INPUT, 0);
  if (!found) {
    return fail(ErrorCode::kNotFound,
                "the frames carry no input tensor: put quantnormalize before quantinfer");
  }
  QUANT_TRY_ASSIGN(Tensor tensor, from_gst(found));
  const Shape wanted{1, spec.height, spec.width, spec.channels()};
  if (tensor.type() != DataType::kUint8 || tensor.shape() != wanted) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the input tensor is {} {}, {} takes uint8 {}: quantnormalize and "
                            "quantinfer have different models",
                            to_string(tensor.type()), quant::to_string(tensor.shape()),
                            model.path(), quant::to_string(wanted)));
  }
  return tensor;
}

}  // namespace quant::element
