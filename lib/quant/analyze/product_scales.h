// SPDX-License-Identifier: MIT
// Products of activations that a script had equalized (equalize_products.h): the float network
// with the scales of the integers inside, so that tensor can be held against tensor.
#pragma once

#include "quant/base/result.h"
#include "quant/graph/graph.h"

namespace quant {

// `network` (fp-optimized) as the same function, its products of activations scaled as those of
// `integer`, which lower() made of it. The scales are read off the weights on both sides: exact
// where those were rounded to the nearest, else the ones of least squares. Unchanged where nothing
// was scaled. ValueIds and names stay; constants may be added.
Result<Graph> with_product_scales(const Graph& network, const Graph& integer);

}  // namespace quant
