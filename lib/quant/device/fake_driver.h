// SPDX-License-Identifier: MIT
// A device that is not there: it computes what it is given to compute, lays it out and fails as its
// options say. The same seed and the same calls give the same bytes and the same faults.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "quant/device/device.h"
#include "quant/device/fake_options.h"
#include "quant/tensor/tensor.h"

namespace quant {

// What runs on it. Streams as the network itself has them, in any layout, float32 outputs included;
// the driver turns them into the device's.
struct FakeNetwork {
  std::vector<DeviceStream> inputs;  // uint8
  std::vector<DeviceStream> outputs;
  // One tensor each, byte_count bytes in the order of the layout. One thread at a time.
  std::function<Status(std::span<const Tensor> inputs, std::vector<Tensor>& outputs)> run;
};
// Called at every opening.
using FakeNetworkMaker = std::function<Result<FakeNetwork>()>;

// Devices of one id are one device: who opens it under another group finds it busy while it is
// open.
std::shared_ptr<DeviceDriver> make_fake_driver(const FakeOptions& options,
                                               FakeNetworkMaker make_network);

}  // namespace quant
