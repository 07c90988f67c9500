// SPDX-License-Identifier: MIT
// The picture that demo.sh leaves: what both networks found in some frames, and SNR over time.
#pragma once

#include <string>
#include <vector>

#include "quant/base/result.h"
#include "records.h"

namespace quant::demo {

// Where a network sees the ball: fractions of the frame's width and height, radius in pixels of a
// frame 160 wide.
struct Ball {
  float x = 0;
  float y = 0;
  float radius = 0;
};

struct Snapshot {
  std::string file;    // an image
  double seconds = 0;  // when it was taken
  Ball original;       // by the float network
  Ball quantized;      // by the 8-bit network
};

// Writes a PNG, about 1200 pixels wide. NotFound where a snapshot cannot be read, Io where the
// picture cannot be written.
Status draw_picture(const std::vector<Record>& records, const std::vector<Snapshot>& snapshots,
                    const std::string& path);

}  // namespace quant::demo
