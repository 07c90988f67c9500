// SPDX-License-Identifier: MIT
// Boxes that a detector found and boxes that are there.
#pragma once

namespace quant {

// A rectangle between edges, not pixel centres: one pixel at the origin is {0, 0, 1, 1}. The unit
// is the user's.
struct Box {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;

  // 0 where the edges are crossed.
  double area() const;
  bool operator==(const Box&) const = default;
};

double intersection_area(const Box& a, const Box& b);
// Common area by united area, 0…1; 0 where neither has an area.
double intersection_over_union(const Box& a, const Box& b);

struct Detection {
  Box box;
  float score = 0;  // comparable within one model
  int label = 0;    // index of the class

  bool operator==(const Detection&) const = default;
};

struct TruthBox {
  Box box;
  int label = 0;
  // Need not be found and may be: a detection on it counts neither way (VOC's "difficult").
  bool ignored = false;
  // An ignored box around many objects: a detection belongs to it by the share of its own area that
  // lies inside, not by intersection over union (COCO's "iscrowd").
  bool crowd = false;

  bool operator==(const TruthBox&) const = default;
};

}  // namespace quant
