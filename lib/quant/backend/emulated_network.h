// SPDX-License-Identifier: MIT
// A model on the fake device: the emulator computes, the device lays out.
#pragma once

#include "quant/backend/model.h"
#include "quant/base/result.h"
#include "quant/device/fake_driver.h"

namespace quant {

// Streams named as the model's tensors. Outputs whose scales do not lie along the channels of
// stream_shape have no parameters. What Model::make_emulator says where it fails.
Result<FakeNetwork> make_emulated_network(const Model& model, int threads);

}  // namespace quant
